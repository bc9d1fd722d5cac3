"""What is remembered of waits, and for how long."""

from caption_studio.observability.waits import LATELY_S, MOST, Waits


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def waited(waits: Waits, clock: Clock, seconds: float) -> None:
    end = waits.begin()
    clock.now_s += seconds
    end()


def test_95_of_100_waits_are_no_longer() -> None:
    clock = Clock()
    waits = Waits(clock)
    for number in range(1, 101):
        waited(waits, clock, number / 1000)
    assert round(waits.p95_s(), 6) == 0.095


def test_a_wait_counts_once_and_one_that_never_ends_does_not() -> None:
    clock = Clock()
    waits = Waits(clock)
    end, _ = waits.begin(), waits.begin()
    clock.now_s += 1
    end()
    clock.now_s += 5
    end()
    assert waits.p95_s() == 1.0


def test_old_waits_are_forgotten() -> None:
    clock = Clock()
    waits = Waits(clock)
    assert waits.p95_s() == 0.0
    waited(waits, clock, 3)
    waited(waits, clock, 1)
    assert waits.p95_s() == 3.0
    clock.now_s += LATELY_S - 0.5
    assert waits.p95_s() == 1.0
    clock.now_s += 1
    assert waits.p95_s() == 0.0


def test_the_last_ones_are_kept_however_many_there_are() -> None:
    clock = Clock()
    waits = Waits(clock)
    waited(waits, clock, 2)
    for _ in range(MOST):
        waited(waits, clock, 0.001)
    assert waits.p95_s() < 0.01
