"""Signals as the supervisor's callers send them, and what reaches the process that serves."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

SERVES = textwrap.dedent("""
    import os, signal, subprocess, sys, time
    from caption_studio.deployments.one_machine.supervisor import supervised

    def serve():
        seen = []
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, lambda number, _: seen.append(signal.Signals(number).name))
        child = subprocess.Popen(["sleep", "60"])  # as Ray's processes: they know no signals
        print(os.getpid(), child.pid, flush=True)
        while not set(seen) - {"SIGUSR1"}:
            time.sleep(0.01)
        time.sleep(0.1)
        print(seen, child.poll(), flush=True)
        child.kill()
        child.wait()
        return "why it could not"

    sys.exit(supervised(serve))
""")


def started() -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVES],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    serves, _ = process.stdout.readline().split()
    return process, int(serves)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_group_reaches_only_the_one_that_serves(number: signal.Signals) -> None:
    process, _ = started()
    os.killpg(process.pid, number)
    output, errors = process.communicate(timeout=20)
    assert output == f"['{number.name}'] None\n"
    assert errors == "why it could not\n"
    assert process.returncode == 1


def test_a_reload_is_passed_on() -> None:
    process, _ = started()
    process.send_signal(signal.SIGUSR1)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert output == "['SIGUSR1', 'SIGTERM'] None\n"


def test_if_it_is_killed_the_service_is_told_to_end() -> None:
    process, _ = started()
    process.kill()
    output, _ = process.communicate(timeout=20)
    assert output == "['SIGTERM'] None\n"


def test_a_service_that_is_killed_is_told_of() -> None:
    process, serves = started()
    children = psutil.Process(serves).children()
    os.kill(serves, signal.SIGKILL)
    for child in children:
        child.kill()
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGKILL
    assert errors == "The service was ended by SIGKILL.\n"


def test_an_exception_is_shown_and_ends_with_status_1(tmp_path: Path) -> None:
    code = (
        "from caption_studio.deployments.one_machine.supervisor import supervised; import sys;"
        "sys.exit(supervised(lambda: 1 / 0))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "ZeroDivisionError" in ended.stderr
