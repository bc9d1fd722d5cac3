import asyncio
import time

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from caption_studio.observability.loop_watch import INTERVAL_S, LoopWatch
from caption_studio.observability.process_metrics import add_process_metrics

pytestmark = pytest.mark.anyio

LONG_S = 0.3


def spend(seconds: float) -> None:
    until_s = time.thread_time() + seconds
    while time.thread_time() < until_s:
        pass


async def test_a_callback_that_takes_long_is_seen() -> None:
    watch = LoopWatch()
    await watch.start()
    spend(LONG_S)
    await asyncio.sleep(INTERVAL_S)
    await watch.close()
    assert watch.read().total > LONG_S / 2


async def test_time_that_others_take_does_not_count() -> None:
    watch = LoopWatch()
    await watch.start()
    time.sleep(LONG_S)  # noqa: ASYNC251 - as a process that has no processor
    await asyncio.sleep(INTERVAL_S)
    assert sum(watch.read().counts)
    await watch.close()
    assert watch.read().total < LONG_S / 2


async def test_it_stands_among_the_metrics() -> None:
    registry = CollectorRegistry()
    add_process_metrics(registry, LoopWatch())
    text = generate_latest(registry).decode()
    assert 'caption_studio_loop_callback_seconds_bucket{le="0.05"} 0.0' in text
    assert "caption_studio_log_lines_lost_total 0.0" in text
    registry = CollectorRegistry()
    add_process_metrics(registry)
    assert "caption_studio_loop_callback_seconds" not in generate_latest(registry).decode()
