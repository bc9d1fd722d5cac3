"""Keys stay where they are when replicas come and go, and no replica gets more than its bound."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption_studio.deployments.routing.ring import (
    FREE,
    LOAD_FACTOR,
    Ring,
    bound,
    first_within_bound,
)

KEYS = [str(number).encode() for number in range(2000)]


def names(count: int) -> list[str]:
    return [f"replica-{number}" for number in range(count)]


def owners(ring: Ring) -> dict[bytes, str]:
    return {key: next(ring.walk(key)) for key in KEYS}


@pytest.mark.parametrize("count", [1, 2, 4, 8, 30])
def test_every_walk_passes_every_replica_once(count: int) -> None:
    ring = Ring(names(count))
    for key in KEYS[:50]:
        assert sorted(ring.walk(key)) == sorted(names(count))


def test_a_ring_of_nobody_has_no_walk() -> None:
    assert list(Ring(()).walk(b"a")) == []


def test_the_order_in_which_replicas_came_does_not_matter() -> None:
    one, other = Ring(names(5)), Ring(reversed(names(5)))
    for key in KEYS[:50]:
        assert list(one.walk(key)) == list(other.walk(key))


@pytest.mark.parametrize("count", [1, 2, 4, 8, 30])
def test_a_new_replica_takes_its_share_and_moves_no_other_key(count: int) -> None:
    *old, new = names(count + 1)
    before, after = owners(Ring(old)), owners(Ring([*old, new]))
    moved = [key for key in KEYS if before[key] != after[key]]
    assert {after[key] for key in moved} == {new}
    assert 0.5 < len(moved) / (len(KEYS) / (count + 1)) < 1.6


@pytest.mark.parametrize("count", [2, 4, 8, 30])
def test_the_keys_of_a_lost_replica_go_to_those_next_to_it(count: int) -> None:
    lost, *left = names(count)
    whole, rest = Ring([lost, *left]), Ring(left)
    for key in KEYS:
        order = [name for name in whole.walk(key) if name != lost]
        assert next(rest.walk(key)) == order[0]


@pytest.mark.parametrize("count", [2, 8, 30])
def test_keys_are_shared_evenly(count: int) -> None:
    shares = Counter(owners(Ring(names(count))).values())
    mean = len(KEYS) / count
    assert len(shares) == count
    assert max(shares.values()) < 1.5 * mean
    assert min(shares.values()) > 0.5 * mean


@given(loads=st.lists(st.integers(0, 200), min_size=1, max_size=12), key=st.binary(max_size=8))
def test_nobody_is_chosen_above_the_bound(loads: list[int], key: bytes) -> None:
    of = dict(zip(names(len(loads)), loads, strict=True))
    chosen = first_within_bound(Ring(of).walk(key), of)
    assert chosen is not None
    assert of[chosen] + 1 <= bound(sum(loads) + 1, len(loads))


@given(loads=st.lists(st.integers(0, 200), min_size=2, max_size=12), key=st.binary(max_size=8))
def test_those_before_the_chosen_one_are_at_the_bound(loads: list[int], key: bytes) -> None:
    of = dict(zip(names(len(loads)), loads, strict=True))
    order = list(Ring(of).walk(key))
    chosen = first_within_bound(order, of)
    assert chosen is not None
    most = bound(sum(loads) + 1, len(loads))
    assert all(of[name] >= most for name in order[: order.index(chosen)])


def test_one_hot_key_is_spread_within_the_bound() -> None:
    of = dict.fromkeys(names(4), 0)
    ring = Ring(of)
    for _ in range(400):
        chosen = first_within_bound(ring.walk(b"hot"), of)
        assert chosen is not None
        of[chosen] += 1
    assert max(of.values()) <= LOAD_FACTOR * 400 / 4
    owner, *_ = ring.walk(b"hot")
    assert of[owner] == max(of.values())


@given(total=st.integers(1, 10_000), replicas=st.integers(1, 300))
def test_the_bound_rises_with_the_load_and_falls_with_the_replicas(
    total: int, replicas: int
) -> None:
    assert bound(total, replicas) <= bound(total + 1, replicas)
    assert bound(total, replicas) >= bound(total, replicas + 1)
    assert bound(total, replicas) * replicas >= total


def test_few_requests_stay_with_their_replica() -> None:
    ring = Ring(names(8))
    owner, following, *_ = ring.walk(b"a")
    loads = dict.fromkeys(names(8), 0)
    for load in range(FREE):
        assert first_within_bound(ring.walk(b"a"), {**loads, owner: load}) == owner
    assert first_within_bound(ring.walk(b"a"), {**loads, owner: FREE}) == following


def test_a_replica_that_has_gone_is_passed_over() -> None:
    ring = Ring(names(3))
    gone, following, _ = ring.walk(b"a")
    left = {name: 0 for name in names(3) if name != gone}
    assert first_within_bound(ring.walk(b"a"), left) == following
    assert first_within_bound(ring.walk(b"a"), {}) is None
