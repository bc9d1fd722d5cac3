"""A process that vLLM starts does not outlive the one that has started it."""

import subprocess
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[4]
END_S = 30.0


def test_it_lives_as_long_as_its_parent_and_ends_after_a_sigkill_of_it() -> None:
    command = [sys.executable, "-m", "tests.orphans"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            child = psutil.Process(int(parent.stdout.readline()))
            assert psutil.wait_procs([child], timeout=2.5)[1] == [child]
        finally:
            parent.kill()
    _, left = psutil.wait_procs([child], timeout=END_S)
    for one in left:
        one.kill()
    assert left == []
