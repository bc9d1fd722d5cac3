"""Times are taken by a clock that a test can hold."""

from collections.abc import Sequence
from itertools import count

import pytest

from caption_studio.training.evaluation.writing.speed import (
    LONE_CAPTIONS,
    BatchTimes,
    lone_caption_ms,
)


def test_captions_a_second_are_those_of_all_batches() -> None:
    ticks = iter([0.0, 1.0, 3.0])
    times = BatchTimes(lambda: next(ticks))
    times.wrote(32)
    times.wrote(16)
    measure = times.per_second(seed=1)
    assert (measure.value, measure.n) == (16.0, 48)
    assert (measure.low, measure.high) == pytest.approx((8.0, 32.0))
    assert measure.better is None


def test_a_lone_caption_is_timed_after_one_that_is_not_counted() -> None:
    written: list[Sequence[str]] = []
    ticks = count(0, 0.25)
    prompts = [f"prompt {number}" for number in range(20)]
    measure = lone_caption_ms(written.append, prompts, seed=1, clock=lambda: next(ticks))
    assert written == [["prompt 0"], *([one] for one in prompts[:LONE_CAPTIONS])]
    assert (measure.value, measure.low, measure.high) == (250.0, 250.0, 250.0)
    assert measure.n == LONE_CAPTIONS
