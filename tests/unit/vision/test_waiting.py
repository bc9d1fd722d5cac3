"""Who joins the describer's rows, and before whom."""

import asyncio
from collections.abc import Iterator
from itertools import count

import pytest

from caption_studio.records import NO_BATCHES, BatchShare
from caption_studio.vision.pictures import Picture
from caption_studio.vision.waiting import BATCH_JOINERS, GATHER_S, Aboard, Waiting

SHARE = BatchShare(places=16, patience_s=4.5)
IDLE = Aboard(online=0, batch=0, room=80)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


class Line:
    """A queue of pictures that are called by their slots, each a second after the one before.

    It is asked at `now_s`, by default long after they came.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, share: BatchShare = SHARE) -> None:
        self.now_s = 100.0
        self.waiting = Waiting(share, clock=lambda: self.now_s)
        self._loop = loop
        self._seconds = count()

    def come(self, slot: int, *, is_batch: bool = False) -> None:
        described = self._loop.create_future()
        self.waiting.add(Picture(slot, described, self._loop, is_batch, next(self._seconds)))

    def take(self, aboard: Aboard) -> list[int]:
        return [picture.slot for picture in self.waiting.take(aboard)]


@pytest.fixture
def line(loop: asyncio.AbstractEventLoop) -> Line:
    return Line(loop)


def test_online_joins_as_if_no_batch_were_aboard(line: Line) -> None:
    line.come(1)
    assert line.take(Aboard(online=0, batch=16, room=64)) == [1]


def test_online_rows_are_filled_together(line: Line) -> None:
    line.come(1)
    assert line.take(Aboard(online=8, batch=0, room=72)) == []
    line.come(2)
    assert line.take(Aboard(online=8, batch=0, room=72)) == [1, 2]


def test_a_batch_joins_if_it_is_a_quarter_of_all_rows(line: Line) -> None:
    line.come(1, is_batch=True)
    assert line.take(Aboard(online=4, batch=4, room=72)) == []
    line.come(2)
    assert line.take(Aboard(online=4, batch=4, room=72)) == [2, 1]


def test_pictures_of_a_batch_wait_for_one_another(line: Line) -> None:
    line.come(0, is_batch=True)
    line.now_s = GATHER_S / 4
    assert line.take(IDLE) == []
    assert line.waiting.wait_s == pytest.approx(GATHER_S * 3 / 4)
    line.now_s = GATHER_S
    assert line.waiting.wait_s == 0
    assert line.take(IDLE) == [0]
    assert line.waiting.wait_s is None


@pytest.mark.parametrize(("places", "together"), [(16, BATCH_JOINERS), (6, 3), (1, 1)])
def test_pictures_of_a_batch_wait_for_no_more_than_half_of_its_places(
    loop: asyncio.AbstractEventLoop, places: int, together: int
) -> None:
    line = Line(loop, BatchShare(places, patience_s=4.5))
    line.now_s = 0.0
    for slot in range(together):
        assert line.take(IDLE) == []
        line.come(slot, is_batch=True)
    assert line.waiting.wait_s == 0
    assert line.take(IDLE) == list(range(together))


def test_a_caller_does_not_wait_until_a_batch_has_gathered(line: Line) -> None:
    line.come(0, is_batch=True)
    line.come(1)
    line.now_s = 0.0
    assert line.waiting.wait_s == 0
    assert line.take(IDLE) == [1]


def test_a_caller_does_not_wait_until_a_batch_may_join(line: Line) -> None:
    line.come(1, is_batch=True)
    line.come(2)
    assert line.take(Aboard(online=4, batch=12, room=64)) == [2]
    assert len(line.waiting) == line.waiting.of_batches == 1


def test_a_batch_has_no_more_rows_than_its_own(line: Line) -> None:
    for slot in range(8):
        line.come(slot, is_batch=True)
    assert line.take(Aboard(online=0, batch=13, room=67)) == []
    assert line.take(Aboard(online=0, batch=12, room=68)) == [0, 1, 2, 3]
    assert line.take(Aboard(online=0, batch=16, room=64)) == []


def test_a_caller_waits_for_one_pass_of_a_batch_at_most(line: Line) -> None:
    for slot in range(16):
        line.come(slot, is_batch=True)
    assert line.take(IDLE) == list(range(BATCH_JOINERS))


def test_a_full_pass_of_a_batch_joins_whatever_is_aboard(line: Line) -> None:
    for slot in range(BATCH_JOINERS):
        line.come(slot, is_batch=True)
    assert len(line.take(Aboard(online=64, batch=0, room=16))) == BATCH_JOINERS


def test_the_last_room_is_for_callers(line: Line) -> None:
    line.come(1, is_batch=True)
    line.come(2)
    line.come(3)
    assert line.take(Aboard(online=4, batch=0, room=1)) == [2]


def test_a_batch_that_was_patient_comes_before_later_callers(line: Line) -> None:
    line.come(1, is_batch=True)
    for slot in range(2, 9):
        line.come(slot)
    assert line.take(Aboard(online=0, batch=0, room=5)) == [2, 3, 4, 5, 1]


def test_without_classes_all_are_one_line(loop: asyncio.AbstractEventLoop) -> None:
    line = Line(loop, NO_BATCHES)
    for slot in range(4):
        line.come(slot)
    assert line.take(Aboard(online=0, batch=0, room=3)) == [0, 1, 2]
    line.waiting.clear()
    assert line.take(IDLE) == []
