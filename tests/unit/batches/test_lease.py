"""One gateway at a time works on a batch, and another once it is dead."""

from pathlib import Path

import pytest

from caption_studio.batches.lease import LEASE_S, Lease, LeaseLost
from caption_studio.batches.store import Store, StoreFolder
from tests.unit.batches.support import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> StoreFolder:
    return StoreFolder(Store(str(tmp_path)), "lease")


def test_the_first_takes_it_and_others_wait(folder: StoreFolder, clock: Clock) -> None:
    mine, yours = Lease(folder, clock), Lease(folder, clock)
    assert mine.take()
    assert mine.is_held
    assert not yours.take()
    clock.now_s += LEASE_S - 1
    assert not yours.take()
    assert not yours.is_held


def test_a_released_one_is_free_at_once(folder: StoreFolder, clock: Clock) -> None:
    mine, yours = Lease(folder, clock), Lease(folder, clock)
    assert mine.take()
    mine.release()
    assert not mine.is_held
    assert yours.take()


def test_a_renewed_one_stays(folder: StoreFolder, clock: Clock) -> None:
    mine, yours = Lease(folder, clock), Lease(folder, clock)
    assert mine.take()
    for _ in range(40):
        clock.now_s += LEASE_S / 2
        mine.renew()
        assert not yours.take()
    assert mine.is_held


def test_a_dead_holders_is_taken_and_it_notices(folder: StoreFolder, clock: Clock) -> None:
    mine, yours = Lease(folder, clock), Lease(folder, clock)
    assert mine.take()
    assert not yours.take()
    clock.now_s += LEASE_S
    assert not mine.is_held, "before another may have it"
    assert yours.take()
    with pytest.raises(LeaseLost):
        mine.renew()
    mine.release()
    assert yours.is_held
    yours.renew()


def test_one_who_looked_long_ago_does_not_take_a_live_one(
    folder: StoreFolder, clock: Clock
) -> None:
    mine, yours = Lease(folder, clock), Lease(folder, clock)
    assert mine.take()
    assert not yours.take()
    clock.now_s += LEASE_S - 1
    mine.renew()
    clock.now_s += LEASE_S - 1
    assert not yours.take(), "it was renewed since"
    assert mine.is_held


def test_of_many_only_one_takes_it(folder: StoreFolder, clock: Clock) -> None:
    assert sum(Lease(folder, clock).take() for _ in range(20)) == 1
