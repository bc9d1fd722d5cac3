"""Admission by bytes: as many as there is room for, some room for everybody."""

import pytest

from caption_studio.errors import BodyTooLarge, Overloaded
from caption_studio.gateway.byte_budget import FREE_BYTES, ByteBudget, HeldBytes

MB = 1024**2


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> ByteBudget:
    return ByteBudget(100 * MB, clock)


def held(budget: ByteBudget, clock: Clock, megabytes: int, owner: str | None = None) -> HeldBytes:
    body = HeldBytes(budget, owner, clock)
    body.grow_to(megabytes * MB + FREE_BYTES)
    return body


def test_requests_without_a_key_share_it_all(budget: ByteBudget, clock: Clock) -> None:
    bodies = [held(budget, clock, 10) for _ in range(10)]
    with pytest.raises(Overloaded):
        held(budget, clock, 1)
    bodies[0].let_go()
    bodies[0].let_go()
    assert budget.held_bytes == 90 * MB
    held(budget, clock, 10)


def test_small_bodies_always_find_room(budget: ByteBudget, clock: Clock) -> None:
    held(budget, clock, 100)
    HeldBytes(budget, None, clock).grow_to(FREE_BYTES)


def test_a_body_grows_until_there_is_no_room(budget: ByteBudget, clock: Clock) -> None:
    body = HeldBytes(budget, None, clock)
    for megabytes in range(1, 101):
        body.grow_to(megabytes * MB)
    body.grow_to(50 * MB)
    assert budget.held_bytes == 100 * MB - FREE_BYTES
    other = held(budget, clock, 0)
    with pytest.raises(Overloaded):
        other.grow_to(MB)
    body.let_go()
    assert budget.held_bytes == 0


def test_a_key_leaves_room_for_another(budget: ByteBudget, clock: Clock) -> None:
    for _ in range(5):
        held(budget, clock, 10, "greedy")
    with pytest.raises(Overloaded):
        held(budget, clock, 10, "greedy")
    held(budget, clock, 20, "modest")
    with pytest.raises(Overloaded):
        held(budget, clock, 10, "modest")
    held(budget, clock, 30, "third")  # whoever has nothing yet gets what there is


def test_a_largest_body_fits_whoever_sends_it(budget: ByteBudget, clock: Clock) -> None:
    held(budget, clock, 100, "a key")


@pytest.mark.parametrize("owner", ["a key", None])
def test_one_request_may_grow_to_all_there_is_and_no_further(
    budget: ByteBudget, clock: Clock, owner: str | None
) -> None:
    request = held(budget, clock, 40, owner)
    request.grow_by(60 * MB)
    with pytest.raises(Overloaded):
        held(budget, clock, 40, owner)
    with pytest.raises(BodyTooLarge):
        request.grow_by(1)
    request.let_go()
    held(budget, clock, 40, owner)


def test_what_never_fits_is_no_overload_even_when_all_is_taken(
    budget: ByteBudget, clock: Clock
) -> None:
    held(budget, clock, 100, "a key")
    with pytest.raises(BodyTooLarge):
        HeldBytes(budget, "another", clock).grow_by(100 * MB + 1)


def test_the_refused_come_back_one_after_the_other(budget: ByteBudget, clock: Clock) -> None:
    body = held(budget, clock, 100)
    clock.now_s = 3.2
    waits = []
    for _ in range(24):
        with pytest.raises(Overloaded) as refused:
            held(budget, clock, 20)
        waits.append(refused.value.retry_after_s)
    assert waits[0] == 1
    assert waits == sorted(waits)
    assert waits[-1] == 5  # a fifth of a second each, as long as bodies are held for one
    body.let_go()
    assert budget.held_bytes == 0
