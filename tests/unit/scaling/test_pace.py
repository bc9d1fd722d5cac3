"""Delays and the window, second by second."""

from collections.abc import Callable

import pytest

from caption_studio.scaling.load import Load
from caption_studio.scaling.pace import PEAKS, History, paced
from tests.unit.scaling.world import STAGE

WINDOW_S = int(STAGE.downscale_delay_s)


def targets(
    need: Callable[[int], float | None],
    seconds: int,
    start: int = 1,
    *,
    heard: Callable[[int], float] = lambda _: 1.0,
) -> list[int]:
    target, history, found = start, History(began_s=0.0), []
    for now_s in range(seconds):
        load = Load(target, target, 0, 99, heard=heard(now_s))
        target, history = paced(need(now_s), load, STAGE, history, float(now_s))
        found.append(target)
    return found


def test_more_after_the_delay() -> None:
    found = targets(lambda _: 3.2, 10)
    assert found[4] == 1
    assert found[5] == 4


def test_a_burst_shorter_than_the_delay_starts_nothing() -> None:
    assert set(targets(lambda now_s: 9.0 if now_s < 5 else 0.5, 60)) == {1}


def test_a_need_that_falls_by_itself_starts_nothing() -> None:
    assert set(targets(lambda now_s: 40 * 0.98**now_s, 60, start=9)) == {9}


def test_fewer_only_if_the_whole_window_needed_fewer() -> None:
    def busy_once(now_s: int) -> float:
        return 4.0 if now_s == 40 else 1.0

    found = targets(busy_once, 400, start=5)
    part_s = WINDOW_S // PEAKS
    assert found[WINDOW_S - 1] == 5
    assert found[40 + WINDOW_S - 1] == 5
    assert found[40 + WINDOW_S + part_s + 1] == 2


def test_room_is_left() -> None:
    assert targets(lambda _: 3.6, 400, start=5)[-1] == 5
    assert targets(lambda _: 3.4, 400, start=5)[-1] == 4


def test_an_unknown_need_changes_nothing_while_it_lasts() -> None:
    found = targets(lambda now_s: 0.5 if now_s < 100 else None, 400, start=3)
    assert set(found) == {3}


@pytest.mark.parametrize("every", [2, 60, WINDOW_S])
def test_a_look_that_is_missing_in_every_window_keeps_no_replica(every: int) -> None:
    def missing(now_s: int) -> float | None:
        return None if now_s % every == 0 else 0.0

    found = targets(missing, 600, start=9)
    assert found[WINDOW_S + 1] == 1
    assert found[-1] == 0


def test_a_part_of_the_gateways_ends_no_window_and_wakes_no_fear() -> None:
    def heard(now_s: int) -> float:
        return 0.4 if now_s % 20 == 0 else 1.0

    found = targets(lambda _: 0.0, 600, start=9, heard=heard)
    assert found[WINDOW_S + 1] == 1
    assert found[-1] == 0
    assert set(targets(lambda _: 0.0, 600, start=9, heard=lambda _: 0.4)) == {9}
    assert targets(lambda _: 0.0, 600, start=9, heard=lambda _: 0.8)[-1] == 1


def test_what_was_not_heard_of_for_long_was_not_idle() -> None:
    def silent(now_s: int) -> float | None:
        return None if 150 <= now_s < 350 else 0.0

    found = targets(silent, 700, start=1)
    assert found[350 + int(STAGE.to_zero_delay_s) - 1] == 1
    assert found[350 + int(STAGE.to_zero_delay_s) + 1] == 0
