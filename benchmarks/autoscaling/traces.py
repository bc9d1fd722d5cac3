"""Loads: times, lengths and faults. The test's differ from the tuning's in kind and seed.

No recorded trace is in the repository: they are others'. What is published of some is used:

- gaps between requests are gamma distributed, more variable than Poisson's, and output lengths are
  exponential: ServeGen (arXiv 2505.09999, sections on language models' arrivals and lengths);
- the number of concurrent requests varies from interval to interval as a gamma distribution:
  BurstGPT (arXiv 2401.17644, user request concurrency).

Both give families and not one value that fits all services, so the variabilities here are ours.
`recorded` reads a trace of your own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.workload import arrivals
from benchmarks.workload.traces import read_trace

Profile = NDArray[np.float64]
"""The load in each second, in captioners at full rate."""

BURSTY = 2.0
"""Coefficient of variation of the gaps in bursty traces; 1 is Poisson."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong, at times in seconds.

    `killed`: a replica of a stage dies without notice. `lost`: in this interval no report arrives
    from this share of the gateways, or of the replicas of the stage `lost_of`. `late_s` is added to
    every report's way.
    """

    killed: tuple[tuple[float, str], ...] = ()
    lost: tuple[float, float, float] | None = None
    lost_of: str = "gateway"
    late_s: float = 0.0


@dataclass(frozen=True)
class Trace:
    """Requests in the order of their times; `work` is 1 for a mean answer's length.

    `pictures` says which requests carry a picture; the others need no describer.
    """

    name: str
    times_s: list[float]
    work: list[float]
    pictures: list[bool]
    until_s: float
    faults: Faults = field(default_factory=Faults)


@dataclass(frozen=True)
class Kind:
    """How a trace's load goes; `profile` draws it from a seed."""

    profile: Callable[[np.random.Generator], Profile]
    gap_cv: float = 1.0
    text_share: tuple[float, float] = (0.0, 0.0)
    """Share of requests without a picture, in the first and the second half."""
    length: tuple[float, float] = (1.0, 1.0)
    """Mean length of answers, in the first and the second half."""
    faults: Faults = field(default_factory=Faults)


def draw(name: str, kind: Kind, seed: int, captioner_per_s: float) -> Trace:
    """Draw a trace. `captioner_per_s` is a captioner's full rate for answers of mean length."""
    random = np.random.default_rng(seed)
    profile = kind.profile(random)
    expected = np.concatenate(([0.0], np.cumsum(profile * captioner_per_s)))
    units = arrivals.gamma(1.0, float(expected[-1]), gap_cv=kind.gap_cv, seed=seed)
    times_s = np.interp(units, expected, np.arange(expected.size))
    half = (times_s >= profile.size / 2).astype(int)
    lengths = random.exponential(np.array(kind.length)[half])
    text = random.random(times_s.size) < np.array(kind.text_share)[half]
    return Trace(
        name, times_s.tolist(), lengths.tolist(), (~text).tolist(), float(profile.size), kind.faults
    )


def recorded(path: Path, seed: int) -> Trace:
    """Read a trace of your own, in one of the forms of `benchmarks.workload.traces`.

    Raises what `read_trace` raises.
    """
    read = read_trace(path)
    times_s = read.times_s - read.times_s[0]
    if read.output_tokens is None:
        work = np.random.default_rng(seed).exponential(1.0, times_s.size)
    else:
        work = read.output_tokens / read.output_tokens.mean()
    pictures = [True] * times_s.size
    return Trace(path.stem, times_s.tolist(), work.tolist(), pictures, float(times_s[-1]) + 1.0)


def _steps(*steps: tuple[int, float]) -> Callable[[np.random.Generator], Profile]:
    return lambda _: np.concatenate([np.full(seconds, load) for seconds, load in steps])


def _wave(low: float, high: float, period_s: float, seconds: int = 600) -> Kind:
    middle, swing = (low + high) / 2, (high - low) / 2
    at = np.arange(seconds)
    return Kind(lambda _: middle - swing * np.cos(2 * np.pi * at / period_s))


def _varying(cv: float, interval_s: int, mean: float = 3.0) -> Callable[..., Profile]:
    shape = 1 / cv**2
    return lambda random: np.repeat(
        random.gamma(shape, mean / shape, 600 // interval_s), interval_s
    ).clip(0.05, 3 * mean)


def _on_and_off(random: np.random.Generator) -> Profile:
    lengths = random.integers(30, 120, 20)
    loads = np.where(np.arange(20) % 2 == 0, 0.5, 5.0)
    return np.repeat(loads, lengths)[:600].astype(np.float64)


def _day(_: np.random.Generator) -> Profile:
    hour = np.arange(900) / 900 * 24
    peaks = 4 * np.exp(-(((hour - 11) / 2.5) ** 2)) + 5 * np.exp(-(((hour - 20) / 2) ** 2))
    return np.asarray(0.6 + peaks)


def _ramp(_: np.random.Generator) -> Profile:
    return np.concatenate((np.linspace(1, 7, 300), np.linspace(7, 1, 300)))


TUNING: Mapping[str, Kind] = {
    "two steps": Kind(_steps((120, 1), (180, 5), (120, 2.5), (180, 1))),
    "slow wave": _wave(1, 5, 300),
    "varying": Kind(_varying(0.4, 30)),
    "fast swing": _wave(2.4, 7.6, 120),
}

STEADY = Kind(_steps((600, 3.4)))
TEST: Mapping[str, Kind] = {
    "steady": STEADY,
    "tenfold rush": Kind(_steps((150, 0.7), (240, 7), (210, 0.7))),
    "ramp": Kind(_ramp),
    "day in 15 minutes": Kind(_day),
    "on and off": Kind(_on_and_off),
    "bursts": Kind(_varying(0.7, 20), gap_cv=BURSTY),
    "other ratio": Kind(_steps((600, 3)), text_share=(0.0, 0.6)),
    "longer answers": Kind(_steps((600, 2)), length=(1.0, 1.8)),
    "replicas die": Kind(
        _steps((600, 3.4)),
        faults=Faults(
            killed=tuple((at, s) for at in (150, 300, 450) for s in ("describer", "captioner"))
        ),
    ),
    "reports lost": Kind(_wave(1.5, 5, 200).profile, faults=Faults(lost=(150, 330, 1.0))),
    "half the reports lost": Kind(_wave(1.5, 5, 200).profile, faults=Faults(lost=(100, 500, 0.5))),
    "answers unheard": Kind(
        _wave(1.5, 5, 200).profile, faults=Faults(lost=(100, 500, 0.5), lost_of="captioner")
    ),
    "reports late": Kind(_wave(1.5, 5, 200).profile, faults=Faults(late_s=6.0)),
}
TUNING_SEEDS = (1,)
TEST_SEEDS = (1001, 1002, 1003)
