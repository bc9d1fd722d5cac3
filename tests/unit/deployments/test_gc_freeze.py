import gc
import weakref
from collections.abc import Iterator

import pytest

from caption_studio.deployments.gc_freeze import YOUNG, leave_out_what_is_loaded


class Ring:
    """Refers to itself, so that only the garbage collector frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    gc.disable()
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()
    gc.enable()


def test_what_was_garbage_before_is_freed() -> None:
    gone = weakref.ref(Ring())
    leave_out_what_is_loaded()
    assert gone() is None


def test_what_was_loaded_before_is_not_looked_at_again() -> None:
    loaded = Ring()
    kept = weakref.ref(loaded)
    leave_out_what_is_loaded()
    del loaded
    gc.collect()
    assert kept() is not None


def test_what_comes_later_is_freed() -> None:
    leave_out_what_is_loaded()
    gone = weakref.ref(Ring())
    gc.collect()
    assert gone() is None


def test_what_comes_later_is_freed_by_itself_before_long() -> None:
    leave_out_what_is_loaded()
    gone = weakref.ref(Ring())
    gc.enable()
    kept = [[number] for number in range(YOUNG + 1)]
    assert gone() is None
    assert len(kept) > YOUNG
