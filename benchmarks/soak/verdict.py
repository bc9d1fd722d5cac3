"""Readings → a slope for each quantity of each part, and whether all is well; pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.soak.parts import Holding
from benchmarks.soak.run import Reading, Soak
from benchmarks.soak.slopes import Slope, slope

QUANTITIES = ("own_bytes", "descriptors", "threads", "processes")
MIB = 1024**2


@dataclass(frozen=True)
class Row:
    """One quantity of one part."""

    part: str
    quantity: str
    slope: Slope


def rows(readings: Sequence[Reading], warm_up_s: float) -> list[Row]:
    """Return the slopes after the warm-up; a part that is missing in a reading counts as 0."""
    used = [reading for reading in readings if reading.at_s >= warm_up_s]
    times_s = [reading.at_s for reading in used]
    names = sorted({part for reading in used for part in reading.parts})
    return [
        Row(part, quantity, slope(times_s, [_value(one, part, quantity) for one in used]))
        for part in names
        for quantity in QUANTITIES
    ]


def faults(found: Soak, table: Sequence[Row]) -> list[str]:
    """Return one sentence for each fault; none: the verdict is good."""
    said = [
        f"{row.part}: {row.quantity} grow by up to {row.slope.growth:.1%} an hour"
        for row in table
        if not row.slope.is_flat
    ]
    if wrong := sum(found.wrong.values()):
        said.append(f"{wrong} answers were not as they should be: {found.examples[:3]}")
    return said


def lines(found: Soak, table: Sequence[Row]) -> list[str]:
    """Return the lines for the terminal."""
    shown = [f"{'':12}{'':14}{'mean':>10}{'an hour':>12}   95 % interval"]
    for row in table:
        unit = MIB if row.quantity == "own_bytes" else 1
        name = "memory, MiB" if row.quantity == "own_bytes" else row.quantity
        mean, per_hour, low, high = (
            value / unit
            for value in (row.slope.mean, row.slope.per_hour, row.slope.low, row.slope.high)
        )
        mark = "" if row.slope.is_flat else "   GROWS"
        shown.append(
            f"{row.part:12}{name:14}{mean:10.1f}{per_hour:+12.2f}   {low:+.2f} to {high:+.2f}{mark}"
        )
    right, wrong = sum(found.right.values()), sum(found.wrong.values())
    shown.append(f"{right} answers right, {wrong} wrong, {found.not_sent} not sent")
    return [*shown, *(faults(found, table) or ["nothing grows"])]


def value(found: Soak, table: Sequence[Row]) -> dict[str, Any]:
    """Return it for a JSON file."""
    return {
        "right": dict(found.right),
        "wrong": dict(found.wrong),
        "examples": found.examples,
        "not_sent": found.not_sent,
        "faults": faults(found, table),
        "slopes": [
            {"part": row.part, "quantity": row.quantity, **asdict(row.slope)} for row in table
        ],
    }


def _value(reading: Reading, part: str, quantity: str) -> float:
    return float(getattr(reading.parts.get(part, Holding()), quantity))
