"""Groups of deltas → one byte string for the way between replicas, and back.

Ray would pickle every log probability by itself, in the event loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from caption_studio.off_loop import logprobs_in, off_loop_if_many
from caption_studio.records import DeltaGroup

BYTES_PER_LOGPROB = 40
"""A packed log probability takes at least as many."""

_decode = msgspec.msgpack.Decoder(tuple[DeltaGroup, ...]).decode


@dataclass(frozen=True, slots=True)
class Packed:
    """`number` groups."""

    number: int
    data: bytes


async def pack(groups: Sequence[DeltaGroup]) -> Packed:
    """Return the groups as bytes."""
    data = await off_loop_if_many(
        lambda: msgspec.msgpack.encode(groups), sum(map(logprobs_in, groups))
    )
    return Packed(len(groups), data)


async def unpack(packed: Packed) -> tuple[DeltaGroup, ...]:
    """Return the groups. Raises `msgspec.MsgspecError` for anything else."""
    number = len(packed.data) // BYTES_PER_LOGPROB
    return await off_loop_if_many(lambda: _decode(packed.data), number)
