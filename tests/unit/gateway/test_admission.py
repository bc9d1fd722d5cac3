"""Who is let in and who is told to come back when, by a clock that the tests turn."""

import pytest

from caption_studio.errors import MAX_RETRY_AFTER_S, Overloaded
from caption_studio.gateway.concurrency_limit import ConcurrencyLimit
from caption_studio.gateway.places import Place, Places


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def places(
    clock: Clock, *, batch: int = 4, max_in_flight: int = 100, max_predicted_s: float = 10.0
) -> Places:
    return Places(ConcurrencyLimit(batch, max_in_flight, max_predicted_s), clock)


def answer(room: Places, clock: Clock, count: int, *, every_s: float, queued: bool = False) -> None:
    """Answer requests one after the other."""
    for _ in range(count):
        place = room.enter("warm-up")
        clock.now_s += every_s
        room.leave(place, answered=True, queued=queued)


def entered(room: Places, owner: str | None = None, *, tries: int = 1000) -> list[Place]:
    """Return the places of those of the tries that got in."""
    found = []
    for _ in range(tries):
        try:
            found.append(room.enter(owner))
        except Overloaded:
            continue
    return found


def refused_for_s(room: Places, owner: str | None = None) -> int:
    with pytest.raises(Overloaded) as refused:
        room.enter(owner)
    assert isinstance(refused.value.retry_after_s, int)
    return refused.value.retry_after_s


def test_who_has_less_than_the_share_that_is_told_gets_in(clock: Clock) -> None:
    room = places(clock, max_in_flight=12)
    assert (room.limit, room.share) == (12, 12)
    entered(room, "greedy", tries=20)
    assert room.share == 12
    mine = entered(room, "frugal", tries=20)
    assert (room.limit, room.share) == (12, 6)
    assert len(mine) == room.share  # no more than HAProxy would let through


def test_before_anything_is_known_only_the_bound_counts(clock: Clock) -> None:
    room = places(clock, max_in_flight=7)
    found = entered(room, tries=7)
    assert len(found) == 7
    assert refused_for_s(room) == 1
    room.leave(found[0], answered=True)
    assert len(entered(room)) == 1


@pytest.mark.parametrize("every_s", [0.01, 1.0, 9.0])
def test_answers_that_waited_for_nothing_shut_no_door(clock: Clock, every_s: float) -> None:
    room = places(clock)
    answer(room, clock, 100, every_s=every_s)
    assert len(entered(room)) == 100


@pytest.mark.parametrize(("per_s", "expected"), [(2, 20), (0.8, 8), (0.1, 4), (50, 100)])
def test_with_a_queue_as_many_get_in_as_can_be_answered_in_time(
    clock: Clock, per_s: float, expected: int
) -> None:
    room = places(clock)
    answer(room, clock, 200, every_s=1 / per_s, queued=True)
    assert len(entered(room)) == pytest.approx(expected, abs=1)


def test_the_batch_is_let_in_however_slow_the_engine_is(clock: Clock) -> None:
    room = places(clock, batch=64)
    answer(room, clock, 100, every_s=30.0, queued=True)
    assert len(entered(room)) == 64


def test_a_batch_above_the_bound_is_the_bound(clock: Clock) -> None:
    room = places(clock, batch=64, max_in_flight=8)
    answer(room, clock, 100, every_s=30.0, queued=True)
    assert len(entered(room)) == 8


def test_the_limit_grows_while_there_is_no_queue(clock: Clock) -> None:
    room = places(clock)
    answer(room, clock, 100, every_s=1.0, queued=True)
    answer(room, clock, 60, every_s=1.0)
    assert 50 <= len(entered(room)) <= 70


def test_answers_later_than_they_may_be_are_a_queue_wherever_it_is(clock: Clock) -> None:
    room = places(clock)
    answer(room, clock, 100, every_s=11.0)
    assert len(entered(room)) == 4


def test_now_and_then_one_that_waited_is_no_queue(clock: Clock) -> None:
    room = places(clock)
    for _ in range(20):
        answer(room, clock, 1, every_s=1.0, queued=True)
        answer(room, clock, 19, every_s=1.0)
    assert len(entered(room)) == 100


def test_a_few_callers_that_wait_behind_a_batch_shut_no_door(clock: Clock) -> None:
    room = places(clock, batch=8, max_in_flight=1024)
    for _ in range(200):
        for _ in range(8):
            room.enter_batch()
        found = entered(room, tries=3)
        clock.now_s += 2.0
        for place in found:
            room.leave(place, answered=True, queued=True)
        for _ in range(8):
            room.leave_batch(answered=True)
        clock.now_s += 1.0
    assert room.limit == 1024
    assert room.wait_for_stages, "batches still give way"
    answer(room, clock, 20, every_s=1.0)
    assert room.limit == 1024, "nor does the end of the batch"


def test_answers_of_a_batch_are_of_the_capacity(clock: Clock) -> None:
    room = places(clock, batch=4, max_in_flight=1024)
    found = entered(room, tries=400)
    for place in found[:390]:
        room.enter_batch()
        clock.now_s += 0.25
        room.leave_batch(answered=True)
        clock.now_s += 0.25
        room.leave(place, answered=True, queued=True)
    assert room.limit == pytest.approx(40, abs=1), "four a second, of which two are online"


def test_callers_who_fill_an_engine_by_themselves_are_limited_beside_a_batch(clock: Clock) -> None:
    room = places(clock, batch=4)
    room.enter_batch()
    found = entered(room, tries=100)
    for place in found[:90]:
        clock.now_s += 0.5
        room.leave(place, answered=True, queued=True)
    assert room.limit == pytest.approx(20, abs=1)


def test_requests_that_failed_say_nothing_of_the_rate(clock: Clock) -> None:
    room = places(clock)
    answer(room, clock, 200, every_s=0.5, queued=True)
    for _ in range(1000):
        room.leave(room.enter(None), answered=False)
    assert len(entered(room)) == 20


def test_quiet_times_say_nothing_of_the_rate(clock: Clock) -> None:
    room = places(clock)
    answer(room, clock, 200, every_s=0.5, queued=True)
    clock.now_s += 3600
    assert len(entered(room)) == 20


def test_a_gateway_that_starts_in_a_rush_does_not_take_long_answers_for_few(clock: Clock) -> None:
    room = places(clock)
    found = entered(room, tries=60)
    clock.now_s += 9  # all of them wait behind others' requests, then come one by one
    for place in found[:6]:
        room.leave(place, answered=True, queued=True)
        clock.now_s += 0.1
    assert len(entered(room)) == 100 - 60 + 6


def test_a_stage_that_wakes_is_not_taken_for_a_slow_one(clock: Clock) -> None:
    room = places(clock)
    answer(room, clock, 400, every_s=0.1, queued=True)
    found = entered(room, tries=50)
    clock.now_s += 300  # all of them are held
    found += entered(room)
    assert len(found) == 100
    for place in found[:80]:
        clock.now_s += 0.1
        room.leave(place, answered=True, queued=True)
    assert len(entered(room)) > 60


def test_a_service_that_gets_slower_lets_fewer_in(clock: Clock) -> None:
    room = places(clock)
    answer(room, clock, 400, every_s=0.1, queued=True)
    answer(room, clock, 120, every_s=1.0, queued=True)
    assert len(entered(room)) == pytest.approx(11, abs=1)


def test_a_refused_caller_is_told_when_there_will_be_room(clock: Clock) -> None:
    room = places(clock, max_in_flight=4)
    answer(room, clock, 200, every_s=0.5, queued=True)
    assert len(entered(room, tries=4)) == 4
    # A tenth later than places come free.
    assert [refused_for_s(room) for _ in range(6)] == [1, 2, 2, 3, 3, 4]
    clock.now_s += 2
    # Two seconds of the line have passed, and in them nothing was answered.
    assert [refused_for_s(room) for _ in range(2)] == [3, 4]


def test_nobody_is_told_to_wait_for_longer_than_clients_do(clock: Clock) -> None:
    room = places(clock, max_in_flight=4)
    answer(room, clock, 200, every_s=0.5, queued=True)
    entered(room, tries=4)
    waits_s = [refused_for_s(room) for _ in range(1000)]
    assert max(waits_s) == MAX_RETRY_AFTER_S
    beyond = waits_s[150:]
    assert min(beyond) > MAX_RETRY_AFTER_S / 2
    assert max(beyond.count(wait_s) for wait_s in set(beyond)) < 50  # spread over 30 seconds
    clock.now_s += MAX_RETRY_AFTER_S
    assert refused_for_s(room) > MAX_RETRY_AFTER_S / 2  # nothing has been answered in that time


def test_before_there_was_a_queue_the_line_is_guessed_from_how_long_answers_take(
    clock: Clock,
) -> None:
    room = places(clock, batch=4, max_in_flight=8)
    answer(room, clock, 10, every_s=2.0)
    entered(room, tries=8)
    assert [refused_for_s(room) for _ in range(6)] == [1, 2, 2, 3, 3, 4]  # 4 in 2 s


def test_a_key_alone_has_all_places(clock: Clock) -> None:
    room = places(clock, max_in_flight=12)
    assert len(entered(room, "greedy")) == 12


def test_a_key_gets_its_share_while_another_has_taken_all(clock: Clock) -> None:
    room = places(clock, max_in_flight=12)
    greedy = entered(room, "greedy")
    assert len(greedy) == 12
    assert len(entered(room, "modest")) == 6
    assert len(entered(room, "third")) == 4
    for place in greedy[:8]:
        room.leave(place, answered=True)
    # 14 in flight: above its share none gets in, below it everyone.
    assert entered(room, "modest") == []
    assert entered(room, "greedy") == []
    room.leave(greedy[8], answered=True)
    assert len(entered(room, "greedy")) == 1


def test_all_places_come_back(clock: Clock) -> None:
    room = places(clock, max_in_flight=6)
    for owner in ("a", "b"):
        for place in entered(room, owner):
            room.leave(place, answered=False)
    assert len(entered(room, "c")) == 6
