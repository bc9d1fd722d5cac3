import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from caption_studio.errors import (
    DeadlineExceeded,
    ImageParseError,
    ImageTooLarge,
    NotReady,
    Overloaded,
)
from caption_studio.images import workers as workers_module
from caption_studio.images.stop import Stop, Stopped
from caption_studio.images.workers import DecodeWorkers

pytestmark = pytest.mark.anyio

LONG_S, SHORT_S = 60.0, 0.2


@pytest.fixture
def stuck() -> Callable[[Stop], None]:
    """Give a job that does not hear `stop` and takes no processor time; it ends with the test."""
    end = threading.Event()

    def job(stop: Stop) -> None:
        end.wait(30)

    job.end = end  # type: ignore[attr-defined]
    yield job
    end.set()


async def one(workers: DecodeWorkers) -> int:
    """Run a job of no length, anew if this machine had not even a moment for it."""
    while True:
        try:
            return await workers.run(lambda stop: 1, param="p")
        except DeadlineExceeded:
            continue


async def test_returns_what_the_job_returns_from_a_named_thread() -> None:
    workers = DecodeWorkers(1, timeout_s=LONG_S)
    name = await workers.run(lambda stop: threading.current_thread().name, param="p")
    assert name.startswith("image-decode-")
    workers.close()


async def test_raises_what_the_job_raises() -> None:
    def job(stop: Stop) -> None:
        raise ImageParseError("broken", param="p")

    workers = DecodeWorkers(1, timeout_s=LONG_S)
    for _ in range(3):
        with pytest.raises(ImageParseError):
            await workers.run(job, param="p")
    assert await workers.run(lambda stop: 1, param="p") == 1
    workers.close()


async def test_keeps_its_threads() -> None:
    workers = DecodeWorkers(4, timeout_s=LONG_S)
    idents = {await workers.run(lambda stop: threading.get_ident(), param="p") for _ in range(9)}
    assert len(idents) == 1
    workers.close()


async def test_runs_so_many_jobs_at_a_time_and_no_more() -> None:
    both, running, most = threading.Barrier(2), 0, 0
    lock = threading.Lock()

    def job(stop: Stop) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait(30)  # breaks unless two run together
        with lock:
            running -= 1

    workers = DecodeWorkers(2, timeout_s=LONG_S)
    await asyncio.gather(*[workers.run(job, param="p") for _ in range(8)])
    assert most == 2
    workers.close()


async def test_a_job_over_its_deadline_is_told_to_stop_and_is_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped = threading.Event()

    def job(stop: Stop) -> None:
        while not stop():
            pass
        stopped.set()
        raise Stopped

    monkeypatch.setattr(workers_module, "_BUSY_SHARE", 0.0)  # however busy this machine is
    workers = DecodeWorkers(1, timeout_s=SHORT_S)
    with pytest.raises(ImageTooLarge) as caught:
        await workers.run(job, param="p")
    assert caught.value.param == "p"
    assert await asyncio.to_thread(stopped.wait, 30)
    workers.close()


async def test_a_job_that_had_no_processor_time_is_not_its_callers_fault(
    stuck: Callable[[Stop], None],
) -> None:
    workers = DecodeWorkers(1, timeout_s=SHORT_S)
    with pytest.raises(DeadlineExceeded, match="too busy") as caught:
        await workers.run(stuck, param="p")
    assert caught.value.param == "p"
    workers.close()


async def test_jobs_that_share_a_processor_are_too_large_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else slow pictures would excuse one another, and be tried for ever."""

    def busy(stop: Stop) -> None:
        monkeypatch.setattr(stop, "cpu_s", lambda: 0.3 * SHORT_S)
        while not stop():
            pass
        raise Stopped

    workers = DecodeWorkers(2, timeout_s=SHORT_S)
    jobs = [workers.run(busy, param="p") for _ in range(2)]
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert [type(result) for result in results] == [ImageTooLarge, ImageTooLarge]
    workers.close()


async def test_the_time_of_earlier_jobs_is_not_counted() -> None:
    def busy(stop: Stop) -> None:
        while stop.cpu_s() < SHORT_S:
            pass

    workers = DecodeWorkers(1, timeout_s=LONG_S)
    await workers.run(busy, param="p")
    assert await workers.run(lambda stop: stop.cpu_s(), param="p") < SHORT_S
    workers.close()


def test_the_time_of_a_process_that_works_for_the_job_is_counted() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        stop = Stop()
        stop.follow(process.pid)
        while stop.cpu_s() < SHORT_S:
            time.sleep(0.01)
        had_s = stop.cpu_s()
        process.kill()
    assert stop.cpu_s() >= had_s, "what the process had counts after its end, too"


async def test_a_stuck_job_takes_no_place_from_later_ones(stuck: Callable[[Stop], None]) -> None:
    workers = DecodeWorkers(1, timeout_s=SHORT_S)
    for _ in range(2):
        with pytest.raises(DeadlineExceeded, match="too busy"):
            await workers.run(stuck, param="p")
        assert await one(workers) == 1
    workers.close()


async def test_stuck_threads_are_bounded_and_forgotten_when_they_end(
    stuck: Callable[[Stop], None],
) -> None:
    workers = DecodeWorkers(1, timeout_s=SHORT_S)
    for _ in range(5):  # four strays, and one that keeps its place
        with pytest.raises(DeadlineExceeded, match="too busy"):
            await workers.run(stuck, param="p")
    with pytest.raises(Overloaded, match="Too many") as caught:
        await workers.run(lambda stop: 1, param="p")
    assert (caught.value.param, caught.value.retry_after_s) == ("p", 1)
    stuck.end.set()  # type: ignore[attr-defined]
    while True:
        try:
            assert await one(workers) == 1
            break
        except Overloaded:
            continue
    workers.close()


async def test_what_a_job_waits_is_not_taken_from_the_time_it_has(
    stuck: Callable[[Stop], None],
) -> None:
    begin_s = time.monotonic()
    workers = DecodeWorkers(1, timeout_s=0.5)
    first = asyncio.create_task(workers.run(stuck, param="first"))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(workers.run(stuck, param="second"))
    with pytest.raises(DeadlineExceeded, match="too busy"):
        await first
    with pytest.raises(DeadlineExceeded, match="too busy"):
        await second
    assert time.monotonic() - begin_s >= 1.0
    workers.close()


async def test_a_job_that_finds_no_place_for_long_is_not_its_callers_fault(
    stuck: Callable[[Stop], None],
) -> None:
    workers = DecodeWorkers(1, timeout_s=SHORT_S)
    jobs = [asyncio.create_task(workers.run(stuck, param=str(n))) for n in range(8)]
    results = await asyncio.gather(*jobs, return_exceptions=True)
    refused = ["Too many" in str(result) for result in results]
    assert not refused[0]
    assert refused[-1]  # the seven before it had 0.2 s each, it waits 0.4 s at most
    workers.close()


async def test_a_caller_who_leaves_stops_the_job_and_its_place_comes_free() -> None:
    started = threading.Event()

    def job(stop: Stop) -> None:
        started.set()
        while not stop():
            pass
        raise Stopped

    workers = DecodeWorkers(1, timeout_s=LONG_S)
    task = asyncio.create_task(workers.run(job, param="p"))
    await asyncio.to_thread(started.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await workers.run(lambda stop: 1, param="p") == 1
    workers.close()


async def test_the_loop_goes_on_while_jobs_run(stuck: Callable[[Stop], None]) -> None:
    workers = DecodeWorkers(2, timeout_s=LONG_S)
    tasks = [asyncio.create_task(workers.run(stuck, param="p")) for _ in range(4)]
    for _ in range(100):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)
    stuck.end.set()  # type: ignore[attr-defined]
    await asyncio.gather(*tasks)
    workers.close()


async def test_closing_stops_jobs_and_takes_no_more() -> None:
    started = threading.Event()

    def job(stop: Stop) -> None:
        started.set()
        while not stop():
            pass
        raise Stopped

    workers = DecodeWorkers(1, timeout_s=LONG_S)
    task = asyncio.create_task(workers.run(job, param="p"))
    await asyncio.to_thread(started.wait, 30)
    workers.close()
    with pytest.raises(NotReady):
        await task
    with pytest.raises(NotReady):
        await workers.run(lambda stop: 1, param="p")


async def test_closing_ends_the_threads() -> None:
    def names() -> set[str]:
        return {thread.name for thread in threading.enumerate()}

    workers = DecodeWorkers(2, timeout_s=LONG_S)
    name = await workers.run(lambda stop: threading.current_thread().name, param="p")
    assert name in names()
    workers.close()
    for thread in threading.enumerate():
        if thread.name == name:
            await asyncio.to_thread(thread.join, 30)
    assert name not in names()


async def test_a_job_that_would_end_its_thread_keeps_no_place() -> None:
    def job(stop: Stop) -> None:
        raise SystemExit

    workers = DecodeWorkers(1, timeout_s=LONG_S)
    for _ in range(9):
        with pytest.raises(RuntimeError):
            await workers.run(job, param="p")
    assert await workers.run(lambda stop: 1, param="p") == 1
    workers.close()


async def test_without_a_thread_it_is_full_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    workers = DecodeWorkers(1, timeout_s=LONG_S)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        for _ in range(3):
            with pytest.raises(Overloaded):
                await workers.run(lambda stop: 1, param="p")
    assert await workers.run(lambda stop: 1, param="p") == 1
    workers.close()


async def test_it_tells_when_every_place_is_held_by_a_job_that_does_not_end(
    stuck: Callable[[Stop], None],
) -> None:
    workers = DecodeWorkers(1, timeout_s=SHORT_S)
    for _ in range(4):  # threads that are given up on, their places free again
        assert not workers.all_stuck
        with pytest.raises(DeadlineExceeded, match="too busy"):
            await workers.run(stuck, param="p")
    assert not workers.all_stuck
    with pytest.raises(DeadlineExceeded, match="too busy"):
        await workers.run(stuck, param="p")
    assert workers.all_stuck
    stuck.end.set()  # type: ignore[attr-defined]
    workers.close()
