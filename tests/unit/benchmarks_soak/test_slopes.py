"""What counts as growth."""

import random

import pytest

from benchmarks.soak.parts import Holding
from benchmarks.soak.run import Reading, Soak
from benchmarks.soak.slopes import HOUR_S, slope
from benchmarks.soak.verdict import faults, lines, rows

MIB = 1024**2
TIMES_S = [600.0 + 5 * number for number in range(600)]


def noisy(per_hour: float, noise: float, seed: int = 1) -> list[float]:
    """Return 1,000 and a slope, with noise that hangs together over some minutes."""
    draw = random.Random(seed)
    values, wander = [], 0.0
    for time_s in TIMES_S:
        wander = 0.98 * wander + draw.gauss(0, noise * 0.2)
        values.append(1000 + per_hour * time_s / HOUR_S + wander)
    return values


def test_a_straight_line_has_its_slope() -> None:
    found = slope(TIMES_S, noisy(72.0, 0.0))
    assert found.per_hour == pytest.approx(72.0)
    assert found.low == pytest.approx(72.0) == found.high
    assert not found.is_flat


def test_what_stays_is_flat() -> None:
    assert slope(TIMES_S, [7.0] * len(TIMES_S)).is_flat


def test_what_shrinks_is_flat() -> None:
    assert slope(TIMES_S, noisy(-72.0, 0.1)).is_flat


def test_very_slow_growth_is_flat() -> None:
    found = slope(TIMES_S, noisy(5.0, 0.01))
    assert found.low > 0
    assert found.is_flat


@pytest.mark.parametrize("seed", range(5))
def test_growth_is_found_under_noise(seed: int) -> None:
    assert not slope(TIMES_S, noisy(100.0, 5.0, seed)).is_flat


def test_noise_that_hangs_together_is_rarely_taken_for_growth() -> None:
    found = [slope(TIMES_S, noisy(0.0, 30.0, seed)).is_flat for seed in range(40)]
    assert sum(found) >= 36


def test_too_few_readings_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        slope([1.0, 2.0], [1.0, 2.0])


def test_a_leak_in_one_part_and_wrong_answers_are_told() -> None:
    readings = [
        Reading(
            time_s,
            {
                "gateway": Holding(200 * MIB, 50, 20, 1),
                "engine": Holding(int((500 + time_s / 60) * MIB), 50, 20, 1),
            },
        )
        for time_s in TIMES_S
    ]
    found = Soak(readings)
    found.note("chat", "right")
    found.note("chat", "500 oops")
    table = rows(readings, warm_up_s=700.0)
    leak, answers = faults(found, table)
    assert leak.startswith("engine: own_bytes grow by up to 1")
    assert "chat: 500 oops" in answers
    assert sum("GROWS" in line for line in lines(found, table)) == 1


def test_a_process_that_comes_to_stay_is_told() -> None:
    readings = [
        Reading(time_s, {"other": Holding(MIB, 5, 1, 1 + int(time_s > 1800))}) for time_s in TIMES_S
    ]
    assert any("processes" in said for said in faults(Soak(), rows(readings, 0.0)))
