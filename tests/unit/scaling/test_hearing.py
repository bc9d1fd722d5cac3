"""Which gateways should be heard of: those that have been there for a while."""

from caption_studio.scaling.hearing import NEW_S, Hearing


def after(*looks: tuple[float, int]) -> Hearing:
    hearing = Hearing()
    for now_s, running in looks:
        hearing = hearing.after(running, now_s)
    return hearing


def test_new_gateways_are_not_missing_until_they_had_time() -> None:
    grown = after((0, 2), (100, 2), (101, 4))
    assert grown.share(2) == 1
    assert grown.after(4, 101 + NEW_S - 1).share(2) == 1
    assert grown.after(4, 101 + NEW_S + 1).share(2) == 0.5


def test_old_gateways_that_fall_silent_are_missing() -> None:
    assert after((0, 4), (100, 4)).share(2) == 0.5
    assert after((0, 4), (100, 4)).share(0) == 0


def test_those_that_ended_are_not_expected() -> None:
    assert after((0, 4), (100, 4), (101, 2)).share(2) == 1
    assert after((0, 0)).share(0) == 1
    assert Hearing().share(0) == 1


def test_a_clock_that_is_set_back_begins_it_anew() -> None:
    assert after((1000, 2), (1001, 4), (500, 4), (501 + NEW_S, 4)).share(2) == 0.5


def test_its_memory_is_bounded() -> None:
    looks = [(float(now_s), now_s % 2) for now_s in range(1000)]
    assert len(after(*looks).running) <= NEW_S + 2
