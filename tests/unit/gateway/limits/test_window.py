"""What lies within the last minute."""

import random

import pytest

from caption_studio.gateway.limits.window import SLICE_S, SlidingWindow


def test_an_amount_counts_for_a_minute_and_no_slice_longer() -> None:
    window = SlidingWindow()
    window.add(100.1, 3)
    assert window.used(100.1) == 3
    assert window.used(160.1) == 3
    assert window.used(160.1 + SLICE_S) == 0
    assert window.next_free_in_s(161) == window.all_free_in_s(161) == 0


def test_it_tells_when_the_oldest_and_the_newest_leave() -> None:
    window = SlidingWindow()
    window.add(0.0, 1)
    window.add(30.0, 1)
    assert window.next_free_in_s(40.0) == pytest.approx(20 + SLICE_S)
    assert window.all_free_in_s(40.0) == pytest.approx(50 + SLICE_S)
    assert window.next_free_in_s(70.0) == pytest.approx(20 + SLICE_S)


def test_no_amount_counts_too_short_nor_a_slice_too_long() -> None:
    chance = random.Random(0)
    window, added = SlidingWindow(), list[tuple[float, int]]()
    now_s = 0.0
    for _ in range(1000):
        now_s += chance.expovariate(5)
        amount = chance.randrange(5)
        window.add(now_s, amount)
        added.append((now_s, amount))
        used = window.used(now_s)
        assert used >= sum(a for at_s, a in added if at_s >= now_s - 60)
        assert used <= sum(a for at_s, a in added if at_s >= now_s - 60 - SLICE_S)
    assert len(window._slices) <= 60 / SLICE_S + 1
