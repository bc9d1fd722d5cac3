"""Who is let in and who is sent away for how long, by a clock that the tests turn."""

import pytest

from caption_studio.errors import MAX_RETRY_AFTER_S, Overloaded
from caption_studio.gateway.admission import Places


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def places(clock: Clock, *, max_in_flight: int = 100, max_predicted_s: float = 10.0) -> Places:
    return Places(max_in_flight, max_predicted_s, clock)


def answer(places: Places, clock: Clock, count: int, *, every_s: float) -> None:
    """Answer requests one after the other."""
    for _ in range(count):
        places.enter("warm-up")
        clock.now_s += every_s
        places.leave("warm-up", answered=True)


def entered(places: Places, owner: str | None = None, *, tries: int = 1000) -> int:
    """Return how many of the tries got in."""
    count = 0
    for _ in range(tries):
        try:
            places.enter(owner)
        except Overloaded:
            continue
        count += 1
    return count


def refused_for_s(places: Places, owner: str | None = None) -> int:
    with pytest.raises(Overloaded) as refused:
        places.enter(owner)
    assert isinstance(refused.value.retry_after_s, int)
    return refused.value.retry_after_s


def test_before_anything_is_known_only_the_bound_counts(clock: Clock) -> None:
    room = places(clock, max_in_flight=7)
    assert entered(room) == 7
    assert refused_for_s(room) == 1
    room.leave(None, answered=True)
    assert entered(room) == 1


@pytest.mark.parametrize(("per_s", "expected"), [(2, 20), (5, 50), (1000, 100), (0.01, 1)])
def test_as_many_get_in_as_can_be_answered_in_time(
    clock: Clock, per_s: float, expected: int
) -> None:
    room = places(clock)
    answer(room, clock, 200, every_s=1 / per_s)
    assert entered(room) == pytest.approx(expected, abs=1)


def test_requests_that_failed_say_nothing_of_the_rate(clock: Clock) -> None:
    room = places(clock)
    answer(room, clock, 200, every_s=0.5)
    for _ in range(1000):
        room.enter(None)
        room.leave(None, answered=False)
    assert entered(room) == 20


def test_quiet_times_say_nothing_of_the_rate(clock: Clock) -> None:
    room = places(clock)
    answer(room, clock, 200, every_s=0.5)
    clock.now_s += 3600
    assert entered(room) == 20


def test_a_gateway_that_starts_in_a_rush_does_not_take_long_answers_for_few(clock: Clock) -> None:
    room = places(clock)
    assert entered(room, tries=60) == 60
    clock.now_s += 9  # all of them wait behind others' requests, then come one by one
    for _ in range(6):
        room.leave(None, answered=True)
        clock.now_s += 0.1
    assert entered(room) == 100 - 60 + 6


def test_a_stage_that_wakes_is_not_taken_for_a_slow_one(clock: Clock) -> None:
    room = places(clock)
    answer(room, clock, 400, every_s=0.1)
    assert entered(room, tries=50) == 50
    clock.now_s += 300  # all of them are held
    assert entered(room) == 50
    for _ in range(80):
        clock.now_s += 0.1
        room.leave(None, answered=True)
    assert entered(room) > 20


def test_a_service_that_gets_slower_lets_fewer_in(clock: Clock) -> None:
    room = places(clock)
    answer(room, clock, 400, every_s=0.1)
    answer(room, clock, 120, every_s=1.0)
    assert entered(room) == pytest.approx(11, abs=1)


def test_who_is_sent_away_is_told_when_it_is_its_turn(clock: Clock) -> None:
    room = places(clock, max_in_flight=4)
    answer(room, clock, 200, every_s=0.5)
    assert entered(room, tries=4) == 4
    assert [refused_for_s(room) for _ in range(6)] == [1, 1, 2, 2, 3, 3]
    clock.now_s += 2
    assert refused_for_s(room) == 2  # two seconds of the line have passed
    for _ in range(1000):
        assert refused_for_s(room) <= MAX_RETRY_AFTER_S
    clock.now_s += MAX_RETRY_AFTER_S
    assert refused_for_s(room) == 1


def test_a_key_alone_has_all_places(clock: Clock) -> None:
    room = places(clock, max_in_flight=12)
    assert entered(room, "greedy") == 12


def test_a_key_gets_its_share_while_another_has_taken_all(clock: Clock) -> None:
    room = places(clock, max_in_flight=12)
    assert entered(room, "greedy") == 12
    assert entered(room, "modest") == 6
    assert entered(room, "third") == 4
    for _ in range(8):
        room.leave("greedy", answered=True)
    # 14 in flight: above its share none gets in, below it everyone.
    assert entered(room, "modest") == 0
    assert entered(room, "greedy") == 0
    room.leave("greedy", answered=True)
    assert entered(room, "greedy") == 1


def test_all_places_come_back(clock: Clock) -> None:
    room = places(clock, max_in_flight=6)
    for owner in ("a", "b"):
        for _ in range(entered(room, owner)):
            room.leave(owner, answered=False)
    assert entered(room, "c") == 6
