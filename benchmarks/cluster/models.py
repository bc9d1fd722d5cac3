"""Times of the stand-ins, and the settings of the policy that scales them.

The figures are calibrated, not measured. They are an H100's rates and its slow-down with the
requests in flight (2,350 pictures/s in batches of 64, 640 captions/s at 256 in flight, a lone
caption in a quarter of the time of a full step), divided by 150, with 8 together in place of 64 and
256. So a small load needs as many replicas as 150 times that load on H100s. The policy's delays are
shortened, and each start takes seconds instead of minutes.
"""

from dataclasses import dataclass, replace
from typing import Any

from caption_studio.settings import ScalingSettings, StageScaling
from caption_studio.settings.scaling import GatewayScaling

SLOWED = 150
TOGETHER = 8
DESCRIBER_PER_S = 2350 / SLOWED
CAPTIONER_PER_S = 640 / SLOWED
DESCRIBER_LOAD_S = 3.0
CAPTIONER_LOAD_S = 5.0
"""Duration of a stand-in's start, in place of loading weights."""

PROCESS_START_S = 3.0
"""From the decision to a replica's first line of code, on an existing node (measured)."""

LOOK_BACK_S = 5.0
REPORT_S = 2.0
"""As in deploy/cluster.yaml."""


@dataclass(frozen=True)
class StageModel:
    """One stand-in: n requests together take `base_s + each_s * n`.

    With `max_batch` set, the n are one batch and a replica runs one batch at a time. Without it, a
    replica runs at most `slots` requests, and n is the number in flight when a request starts.
    """

    base_s: float
    each_s: float
    max_replicas: int = 1
    max_batch: int | None = None
    slots: int = 1


def _stage(per_s: float, lone_share: float) -> StageModel:
    """Return a stage of rate `per_s` at `TOGETHER`; a lone one takes `lone_share` of the time."""
    full_s = TOGETHER / per_s
    each_s = full_s * (1 - lone_share) / (TOGETHER - 1)
    return StageModel(full_s * lone_share - each_s, each_s)


DESCRIBER = replace(
    _stage(DESCRIBER_PER_S, 0.3),
    max_replicas=2,
    max_batch=TOGETHER,
)
CAPTIONER = replace(
    _stage(CAPTIONER_PER_S, 0.25),
    max_replicas=6,
    slots=TOGETHER,
)


QUIET_S = 20.0
"""Delay before replicas are removed; the last one goes after a second such delay."""


def scaling(quiet_s: float = QUIET_S) -> ScalingSettings:
    """Return the policy's settings, for stages of `TOGETHER`."""
    pace = {
        "upscale_delay_s": 1.0,
        "downscale_delay_s": quiet_s,
        "to_zero_delay_s": quiet_s,
    }
    return ScalingSettings(
        gateway=GatewayScaling(**pace),
        describer=StageScaling(target_ongoing=1.5 * TOGETHER, lone_share=0.2, **pace),
        captioner=StageScaling(target_ongoing=0.75 * TOGETHER, lone_share=0.3, **pace),
    )


def described() -> dict[str, Any]:
    """Return the description of the stand-ins that goes into a result."""
    return {
        "stand_ins": "describer and captioner are stand-ins that sleep; all else is real",
        "slowed": SLOWED,
        "describer_per_s": DESCRIBER_PER_S,
        "captioner_per_s": CAPTIONER_PER_S,
        "describer_load_s": DESCRIBER_LOAD_S,
        "captioner_load_s": CAPTIONER_LOAD_S,
        "scaling": scaling().model_dump(),
    }
