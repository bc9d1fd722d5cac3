"""Which recorded size runs for how many rows."""

from collections.abc import Callable

import pytest

from caption_studio.vision.graphs import Replays, recorded_sizes


@pytest.mark.parametrize(
    ("most", "sizes"),
    [
        (1, [1]),
        (3, [1, 2, 3]),
        (8, [1, 2, 4, 8]),
        (20, [1, 2, 4, 8, 16, 20]),
        (32, [1, 2, 4, 8, 16, 24, 32]),
    ],
)
def test_sizes(most: int, sizes: list[int]) -> None:
    assert recorded_sizes(most) == sizes


def test_each_size_is_recorded_once_the_largest_first_and_the_smallest_that_holds_is_replayed() -> (
    None
):
    ran: list[int] = []
    recorded: list[int] = []

    def record(run: Callable[[], None]) -> Callable[[], None]:
        run()
        recorded.append(ran.pop())
        return run

    replays = Replays(ran.append, most=20, record=record)
    assert recorded == [20, 16, 8, 4, 2, 1]
    for count in (1, 2, 3, 8, 9, 17, 20):
        replays(count)
    assert ran == [1, 2, 4, 8, 16, 20, 20]
    assert len(recorded) == 6
