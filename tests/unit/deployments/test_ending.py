"""A replica ends with its engine, and with nothing less."""

import asyncio
import subprocess
import sys
import time
from typing import Any

import psutil
import pytest

from caption_studio.deployments import captioner
from caption_studio.deployments.captioner import Captioner
from caption_studio.deployments.ending import ending_with_the_engine
from caption_studio.errors import EngineFailure

HANGS = """
import multiprocessing, time
from caption_studio.deployments.ending import ending_with_the_engine
from caption_studio.errors import EngineDied

if __name__ == "__main__":
    engine = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
    engine.start()
    print(engine.pid, flush=True)
    with ending_with_the_engine():
        raise EngineDied("it hangs")
    print("goes on")
"""


def test_the_process_ends_at_once_and_takes_an_engine_that_hangs_along() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, check=False, timeout=30
    )
    assert ended.returncode == 1
    (pid,) = ended.stdout.split()
    assert gone(int(pid), within_s=10)  # a kill is obeyed at once, but not within the call


def gone(pid: int, *, within_s: float) -> bool:
    """Say whether a process ends in time; nobody may be there to bury it."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        try:
            if psutil.Process(pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_a_failure_on_one_request_ends_nothing() -> None:
    with pytest.raises(EngineFailure), ending_with_the_engine():
        raise EngineFailure("one picture")


@pytest.mark.anyio
async def test_a_sample_that_fails_does_not_end_the_sampling(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(captioner, "SAMPLE_S", 0.0)
    enough = asyncio.Event()

    class Engine:
        samples = 0

        async def sample(self) -> None:
            self.samples += 1
            if self.samples == 3:
                enough.set()
            raise ValueError("no such method")

    sampled: Any = Sampled(Engine())
    sampling = asyncio.create_task(sampled._keep_sampling())
    async with asyncio.timeout(10):
        await enough.wait()
    assert not sampling.done()
    sampling.cancel()


class Sampled(Captioner):
    """Of a captioner, only what asks the engine."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __del__(self) -> None:
        pass
