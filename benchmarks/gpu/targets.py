"""Targets for one H100, and verdicts on them."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.gpu.records import Found


@dataclass(frozen=True)
class Target:
    """`figure`, divided by `per` if given, must be at least `bound`, or with `at_most` at most."""

    name: str
    figure: tuple[str, str]
    bound: float
    per: tuple[str, str] | None = None
    at_most: bool = False


TARGETS = (
    Target("describer-pictures-per-s", ("describer", "ours, graphs, best"), 2000),
    Target(
        "describer-over-batched-generate",
        ("describer", "ours, graphs, best"),
        3,
        per=("describer", "generate in batches of 64"),
    ),
    Target("captioner-adapter-requests-per-s", ("captioner", "adapter, best"), 500),
    Target(
        "captioner-adapter-over-base",
        ("captioner", "adapter, best"),
        0.85,
        per=("captioner", "base, best"),
    ),
    Target("chain-captions-per-s", ("chain", "best"), 350),
    Target("chain-alone-e2e-p50-ms", ("chain", "1 in flight, p50"), 150, at_most=True),
)


@dataclass(frozen=True)
class Verdict:
    """A target and the measured value; None: not measured."""

    target: Target
    value: float | None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None if it was not measured."""
        if self.value is None:
            return None
        bound = self.target.bound
        return self.value <= bound if self.target.at_most else self.value >= bound


def judge(found: Found) -> Iterator[Verdict]:
    """Yield a verdict on every target."""
    for target in TARGETS:
        value = found.value(*target.figure)
        if value is not None and target.per is not None:
            per = found.value(*target.per)
            value = None if per is None else value / per
        yield Verdict(target, value)
