"""What a dead service left is told from what a living one has, and only that is removed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import psutil
import pytest

from caption_studio.deployments.one_machine import belongings
from caption_studio.deployments.one_machine.belongings import Belongings, clear_dead, processes_of

SERVES = """
import multiprocessing, os, sys, time
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from caption_studio.deployments.one_machine.belongings import Belongings
from caption_studio.deployments.one_machine.semaphores import name_semaphores
import subprocess
mine = Belongings()
memory = SharedMemory(create=True, size=64)
resource_tracker.unregister(memory._name, "shared_memory")
uses = '''
import mmap, sys, time
with open("/dev/shm/" + sys.argv[1], "r+b") as file:
    mapped = mmap.mmap(file.fileno(), 0)
print("up", flush=True)
time.sleep(60)
'''
child = subprocess.Popen([sys.executable, "-c", uses, memory.name], stdout=subprocess.PIPE,
                         env={**os.environ, "SOME_FILE": f"{mine.folder}/file"})
child.stdout.readline()
os.environ["RAY_SERVE_HAPROXY_SOCKET_PATH"] = f"{mine.folder}/admin.sock"
name_semaphores()
semaphore = multiprocessing.get_context("spawn").Semaphore()
resource_tracker.unregister(semaphore._semlock.name, "semaphore")
mine.note()
print(mine.folder, memory.name, child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[subprocess.Popen[str], Path, Path, int]]:
    """Something with a folder, shared memory and a child, as a service has them."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", SERVES], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        folder, name, child = process.stdout.readline().split()
        memory = belongings.SHARED_MEMORY_DIR / name
        yield process, Path(folder), memory, int(child)
        process.kill()
        process.wait()
        clear_dead(tmp_path)


def test_what_a_living_service_has_is_left_alone(
    service: tuple[subprocess.Popen[str], Path, Path, int], tmp_path: Path
) -> None:
    process, folder, memory, child = service
    assert clear_dead(tmp_path) == []
    assert process.poll() is None
    assert processes_of(folder) == [child]
    assert memory.exists()


def test_what_a_dead_one_left_is_removed_and_told(
    service: tuple[subprocess.Popen[str], Path, Path, int], tmp_path: Path
) -> None:
    process, folder, memory, _ = service
    process.kill()
    process.wait()
    assert memory.exists()
    assert list(belongings.SHARED_MEMORY_DIR.glob(f"sem.{folder.name}-*"))
    (line,) = clear_dead(tmp_path)
    assert str(folder) in line
    assert "1 processes, 2 files" in line
    assert not folder.exists()
    assert not memory.exists()
    assert not list(belongings.SHARED_MEMORY_DIR.glob(f"sem.{folder.name}-*"))
    assert processes_of(folder) == []
    assert clear_dead(tmp_path) == []


def test_shared_memory_that_somebody_uses_stays(
    service: tuple[subprocess.Popen[str], Path, Path, int], tmp_path: Path
) -> None:
    process, _, memory, _ = service
    used = SharedMemory(memory.name)
    reader = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import mmap; f = open({str(memory)!r}, 'r+b'); m = mmap.mmap(f.fileno(), 0);"
            "print('up', flush=True); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        process.kill()
        process.wait()
        clear_dead(tmp_path)
        assert memory.exists()
        reader.communicate("\n")
    used.close()
    used.unlink()


def test_a_name_that_leads_elsewhere_is_no_shared_memory(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.touch()
    folder = tmp_path / "studio-x"
    folder.mkdir()
    (folder / "owner").touch()
    (folder / "shared-memory").write_text(f"../..{precious}\n{precious}\n..\n.\n\nnot-there")
    assert len(clear_dead(tmp_path)) == 1
    assert precious.exists()


LEADS = """
import os, subprocess, sys
from caption_studio.deployments.one_machine.belongings import Belongings
mine = Belongings()
quiet = {"executable": "/bin/sleep", "env": {}, "stdout": subprocess.DEVNULL}
titles = ("ray::DashboardAgent", "somebody's")
agents = [subprocess.Popen([title, "60"], **quiet) for title in titles]
print(mine.folder, *(agent.pid for agent in agents), flush=True)
sys.stdin.read()
os._exit(0)
"""


def test_rays_agents_without_an_environment_are_known_by_their_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", LEADS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as leader:
        assert leader.stdout is not None
        folder, agent, other = leader.stdout.readline().split()
        assert processes_of(Path(folder)) == []  # as long as its leader lives it is not looked at
        leader.communicate()
    try:
        assert processes_of(Path(folder)) == [int(agent)]
        assert "1 processes" in clear_dead(tmp_path)[0]
        assert not psutil.pid_exists(int(agent)) or _is_zombie(int(agent))
        assert psutil.pid_exists(int(other))
    finally:
        os.kill(int(other), signal.SIGKILL)


def _is_zombie(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_folder_without_an_owner_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / "studio-x").mkdir()
    assert clear_dead(tmp_path) == []
    assert (tmp_path / "studio-x").is_dir()


def test_its_end_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine = Belongings()
    mine.note()
    mine.remove()
    assert os.listdir(tmp_path) == []
