import sys
from pathlib import Path

import psutil
import pytest

from benchmarks.ports import free_port
from benchmarks.server import Server, StartFailed, run_program, running

TOY = Path(__file__).with_name("toy_server.py")


def toy(folder: Path, manner: str, *, start_timeout_s: float = 20.0) -> Server:
    port = free_port()
    return Server(
        [sys.executable, str(TOY), str(port), str(folder / "pids"), manner],
        f"http://127.0.0.1:{port}/health",
        {},
        start_timeout_s=start_timeout_s,
        stop_timeout_s=1.0,
    )


def processes(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("manner", ["good", "stubborn"])
def test_a_server_runs_for_the_context_and_leaves_nothing(tmp_path: Path, manner: str) -> None:
    with running(toy(tmp_path, manner), tmp_path / "log") as started:
        assert started.start_s > 0
        pids = processes(tmp_path)
        assert started.pid in pids
        assert all(map(alive, pids))
    assert not any(map(alive, pids))


def test_a_failure_while_measuring_ends_the_server_too(tmp_path: Path) -> None:
    server = toy(tmp_path, "good")
    with pytest.raises(ZeroDivisionError), running(server, tmp_path / "log"):  # noqa: PT012
        pids = processes(tmp_path)
        raise ZeroDivisionError
    assert not any(map(alive, pids))


def test_a_server_that_ends_by_itself_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with (
        pytest.raises(StartFailed, match=r"status 3: .*the model is not there"),
        running(toy(tmp_path, "broken"), tmp_path / "log"),
    ):
        pass


def test_a_server_that_is_never_ready_is_ended_at_its_deadline(tmp_path: Path) -> None:
    with (
        pytest.raises(StartFailed, match="not ready after 2 s"),
        running(toy(tmp_path, "deaf", start_timeout_s=2.0), tmp_path / "log"),
    ):
        pass
    assert not any(map(alive, processes(tmp_path)))


def program(code: str) -> Server:
    return Server([sys.executable, "-c", code], "", {"TOY": "7"}, stop_timeout_s=1.0)


def test_a_program_runs_to_its_end_with_its_environment(tmp_path: Path) -> None:
    log = tmp_path / "log"
    run_program(program("import os; print(os.environ['TOY'])"), log, timeout_s=20.0)
    assert log.read_text() == "7\n"


def test_a_program_that_fails_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match=r"status 1: .*no such thing"):
        run_program(program("raise SystemExit('no such thing')"), tmp_path / "log", timeout_s=20.0)


def test_a_program_that_is_too_slow_is_ended(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="status None"):
        run_program(program("import time; time.sleep(600)"), tmp_path / "log", timeout_s=0.5)
