"""A request in progress, and the time it spent in each stage."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from caption_studio.records.caption import DeltaGroup
from caption_studio.records.description import CacheResult, Description


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Seconds that a request spent in each stage, one after the other; 0 without a picture.

    `fetch_s`, `decode_queue_s` and `decode_s` are those of `Loaded`; `describe_queue_s` and
    `describe_s` are the describer's, `describe_hop_s` is the transport there and back;
    `first_delta_s` is the captioner's time up to its first group, its queue included; `generate_s`
    is the rest of the answer. Several pictures are loaded and described concurrently; the slowest
    counts.
    """

    fetch_s: float = 0.0
    decode_queue_s: float = 0.0
    decode_s: float = 0.0
    describe_queue_s: float = 0.0
    describe_s: float = 0.0
    describe_hop_s: float = 0.0
    first_delta_s: float = 0.0
    generate_s: float = 0.0

    @property
    def worked_s(self) -> float:
        """Return the time in all stages once the pictures have a worker."""
        described_s = self.describe_queue_s + self.describe_s + self.describe_hop_s
        return self.decode_s + described_s + self.first_delta_s + self.generate_s


@dataclass(frozen=True, slots=True)
class Answer:
    """A request in progress: its description, and the caption as it is written.

    Deltas come in groups; `first` has arrived, `rest` may be empty. Close `rest` to stop the
    generation. `lookups` has one result for each picture. `adapter` is the id of the adapter that
    writes, None for the base model. `queued` says that a stage was saturated when this request came
    to it.
    """

    description: Description | None
    first: DeltaGroup
    rest: AsyncGenerator[DeltaGroup]
    times: StageTimes
    lookups: tuple[CacheResult, ...] = ()
    adapter: str | None = None
    queued: bool = False
