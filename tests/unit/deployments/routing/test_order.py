"""Keys stay where they are when replicas come and go, and no replica gets more than its bound."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caption_studio.deployments.routing.order import (
    FREE,
    LOAD_FACTOR,
    bound,
    first_within_bound,
    in_order,
)

KEYS = [str(number).encode() for number in range(2000)]


def names(count: int) -> list[str]:
    return [f"replica-{number}" for number in range(count)]


def owners(among: list[str]) -> dict[bytes, str]:
    return {key: in_order(key, among)[0] for key in KEYS}


@pytest.mark.parametrize("count", [1, 2, 4, 8, 30])
def test_every_order_has_every_replica_once(count: int) -> None:
    for key in KEYS[:50]:
        assert sorted(in_order(key, names(count))) == sorted(names(count))


def test_without_replicas_there_is_no_order() -> None:
    assert in_order(b"a", ()) == []


def test_the_order_in_which_replicas_came_does_not_matter() -> None:
    for key in KEYS[:50]:
        assert in_order(key, names(5)) == in_order(key, reversed(names(5)))


@pytest.mark.parametrize("count", [1, 2, 4, 8, 30])
def test_a_new_replica_takes_its_share_and_moves_no_other_key(count: int) -> None:
    *old, new = names(count + 1)
    before, after = owners(old), owners([*old, new])
    moved = [key for key in KEYS if before[key] != after[key]]
    assert {after[key] for key in moved} == {new}
    assert 0.6 < len(moved) / (len(KEYS) / (count + 1)) < 1.4


@pytest.mark.parametrize("count", [2, 4, 8, 30])
def test_a_lost_replica_leaves_the_others_in_their_order(count: int) -> None:
    lost, *left = names(count)
    for key in KEYS[:200]:
        order = [name for name in in_order(key, [lost, *left]) if name != lost]
        assert in_order(key, left) == order


@pytest.mark.parametrize("count", [2, 8, 30])
def test_keys_are_shared_evenly(count: int) -> None:
    shares = Counter(owners(names(count)).values())
    mean = len(KEYS) / count
    assert len(shares) == count
    assert max(shares.values()) < mean + 4 * mean**0.5
    assert min(shares.values()) > mean - 4 * mean**0.5


@given(loads=st.lists(st.integers(0, 200), min_size=1, max_size=12), key=st.binary(max_size=8))
def test_nobody_is_chosen_above_the_bound(loads: list[int], key: bytes) -> None:
    of = dict(zip(names(len(loads)), loads, strict=True))
    chosen = first_within_bound(in_order(key, of), of)
    assert chosen is not None
    assert of[chosen] + 1 <= bound(sum(loads) + 1, len(loads))


@given(loads=st.lists(st.integers(0, 200), min_size=2, max_size=12), key=st.binary(max_size=8))
def test_those_before_the_chosen_one_are_at_the_bound(loads: list[int], key: bytes) -> None:
    of = dict(zip(names(len(loads)), loads, strict=True))
    order = in_order(key, of)
    chosen = first_within_bound(order, of)
    assert chosen is not None
    most = bound(sum(loads) + 1, len(loads))
    assert all(of[name] >= most for name in order[: order.index(chosen)])


def test_one_hot_key_is_spread_within_the_bound() -> None:
    of = dict.fromkeys(names(4), 0)
    order = in_order(b"hot", of)
    for _ in range(400):
        chosen = first_within_bound(order, of)
        assert chosen is not None
        of[chosen] += 1
    assert max(of.values()) <= LOAD_FACTOR * 400 / 4
    assert of[order[0]] == max(of.values())


@given(total=st.integers(1, 10_000), replicas=st.integers(1, 300))
def test_the_bound_rises_with_the_load_and_falls_with_the_replicas(
    total: int, replicas: int
) -> None:
    assert bound(total, replicas) <= bound(total + 1, replicas)
    assert bound(total, replicas) >= bound(total, replicas + 1)
    assert bound(total, replicas) * replicas >= total


def test_few_requests_stay_with_their_replica() -> None:
    order = in_order(b"a", names(8))
    owner, following, *_ = order
    loads = dict.fromkeys(names(8), 0)
    for load in range(FREE):
        assert first_within_bound(order, {**loads, owner: load}) == owner
    assert first_within_bound(order, {**loads, owner: FREE}) == following


def test_a_replica_that_has_gone_is_passed_over() -> None:
    order = in_order(b"a", names(3))
    gone, following, _ = order
    left = {name: 0 for name in names(3) if name != gone}
    assert first_within_bound(order, left) == following
    assert first_within_bound(order, {}) is None
