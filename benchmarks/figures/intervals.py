"""Values of several repeats → mean and 95 % confidence interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Student's t at 0.975 for 1 to 30 degrees of freedom. Source: any table of the distribution.
# fmt: off
_T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)
# fmt: on
_T_975_MANY = 2.042  # above 30 it falls further, to 1.960, so the interval is slightly too wide


@dataclass(frozen=True)
class Estimate:
    """A mean over repeats; `half_width` is None for one repeat, which has no spread."""

    mean: float
    half_width: float | None = None


def estimate(values: Sequence[float | None]) -> Estimate | None:
    """Return mean and half width of the t interval; repeats without a value are left out.

    Only repeats count as independent. Requests of one repeat are correlated (they shared a queue),
    so resampling them would give too narrow an interval.
    """
    known = [value for value in values if value is not None]
    if not known:
        return None
    mean = sum(known) / len(known)
    if len(known) == 1:
        return Estimate(mean)
    variance = sum((value - mean) ** 2 for value in known) / (len(known) - 1)
    return Estimate(mean, student_t(len(known) - 1) * math.sqrt(variance / len(known)))


def student_t(freedom: int) -> float:
    """Return Student's t at 0.975 for this number of degrees of freedom, at least 1."""
    return _T_975[freedom - 1] if freedom <= len(_T_975) else _T_975_MANY
