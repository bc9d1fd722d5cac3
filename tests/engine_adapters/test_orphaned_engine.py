"""The engine's process ends when the captioner's is killed by SIGKILL, at whatever moment."""

import re
import subprocess
import sys
import time

import psutil
import pytest

from tests.conftest import ENGINE_PROCESS, ROOT

pytestmark = [pytest.mark.engine, pytest.mark.slow]

START_S = 120.0
END_S = 60.0
"""One that is starting cannot look before it has imported some of vLLM."""


def engines_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if re.search(ENGINE_PROCESS, " ".join(child.cmdline()))]


@pytest.mark.parametrize("when", ["starting", "ready"])
def test_it_ends_with_its_parent(when: str) -> None:
    command = [sys.executable, "-m", "tests.engine_adapters.kept_engine"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        try:
            if when == "ready":
                assert parent.stdout is not None
                assert "ready\n" in parent.stdout
            deadline_s = time.monotonic() + START_S
            while not (engines := engines_of(parent)) and time.monotonic() < deadline_s:
                time.sleep(0.1)
        finally:
            parent.kill()
    assert engines
    _, left = psutil.wait_procs(engines, timeout=END_S)
    for engine in left:
        engine.kill()
    assert left == []
