"""What the stages took → a request's times, and whether it waited for others; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from caption_studio.records import Described, Description, Loaded, StageTimes

WAITED_SHARE = 0.5
"""A picture that waits longer than this share of its time in the model has others before it.

A picture that waits for its decode longer than this share of the time in all stages is in the
service's longest queue.
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """The describer's result, `total_s` after it was asked."""

    described: Described
    total_s: float

    @property
    def description(self) -> Description:
        """What was seen."""
        return self.described.description


def waited_for_others(pictures: Sequence[Loaded], times: StageTimes) -> bool:
    """Return whether even the first of the request's pictures waited long for its decode."""
    first_s = min((picture.decode_queue_s for picture in pictures), default=0.0)
    return first_s > WAITED_SHARE * times.worked_s


def waited(described: Described) -> bool:
    """Return whether a picture waited for others, and not just for the next step of the model."""
    return described.queue_s > WAITED_SHARE * described.describe_s


def times_of(
    pictures: Sequence[Loaded], seen: Sequence[Seen], *, first_delta_s: float
) -> StageTimes:
    """Return the times of the slowest picture in each stage, and of the first group."""
    if not pictures:
        return StageTimes(first_delta_s=first_delta_s)
    loaded = max(pictures, key=lambda one: one.fetch_s + one.decode_queue_s + one.decode_s)
    last = max(seen, key=lambda one: one.total_s)
    described = last.described
    return StageTimes(
        fetch_s=loaded.fetch_s,
        decode_queue_s=loaded.decode_queue_s,
        decode_s=loaded.decode_s,
        describe_queue_s=described.queue_s,
        describe_s=described.describe_s,
        describe_hop_s=last.total_s - described.queue_s - described.describe_s,
        first_delta_s=first_delta_s,
    )
