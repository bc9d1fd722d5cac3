"""A server's processes are looked at until they end."""

import os
import subprocess
import sys

from benchmarks.starts.watch import Watch, watched

SPIN = "import time\nwhile time.process_time() < 0.3: pass\n"


def run(code: str, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_a_process_that_has_ended_counts() -> None:
    with run("import sys; input(); exec(sys.argv[1]); print(flush=True); input()", SPIN) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        watch = Watch(process.pid)
        used_s = sum(watch.processor_s().values())
        process.communicate(b"\n")
    assert used_s >= 0.25
    assert sum(watch.processor_s().values()) == used_s


def test_a_child_that_nobody_saw_is_its_parents() -> None:
    code = """
import subprocess, sys
input()
subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
print(flush=True)
input()
"""
    with run(code, SPIN) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        watch = Watch(process.pid)
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        assert watch.processor_s()["short-lived"] >= 0.25
        process.communicate(b"\n")


def test_a_part_is_named_by_the_command_and_else_by_the_parent() -> None:
    code = "import subprocess, sys; subprocess.run(['sleep', '60'])"
    title = ["ray::ServeReplica:caption-studio:Gateway", "-c", code]
    with subprocess.Popen(title, executable=sys.executable) as process:
        with watched(process.pid) as watch:
            while len(watch.members) < 2:
                pass
            parts = set(watch.members.values())
        for pid in [*watch.members, process.pid]:
            os.kill(pid, 9)
        process.wait()
    assert parts == {"gateway"}
