"""Garbage collection is off for as long as it is said to be."""

import gc

from caption_studio.gc_pause import no_collections


def test_nothing_is_collected_meanwhile_and_then_again() -> None:
    with no_collections():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_pause_in_a_pause_does_not_end_it() -> None:
    with no_collections():
        with no_collections():
            pass
        assert not gc.isenabled()
