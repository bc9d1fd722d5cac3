"""Groups of deltas → byte strings for the way between replicas, and back.

Ray would pickle each log probability by itself, all in one callback of the event loop.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from caption_studio.logprob_parts import PART, logprobs_in
from caption_studio.records import DeltaGroup

_decode = msgspec.msgpack.Decoder(tuple[int, DeltaGroup]).decode
LARGE_BYTES = 20 * PART


@dataclass(frozen=True, slots=True)
class Packed:
    """`number` groups; each part holds a group's place and some of its deltas, all in order."""

    number: int
    parts: tuple[bytes, ...]


async def pack(groups: Sequence[DeltaGroup]) -> Packed:
    """Return the groups as bytes."""
    parts = []
    for number, group in enumerate(groups):
        for some in _split(group):
            parts.append(msgspec.msgpack.encode((number, some)))
            if len(parts[-1]) > LARGE_BYTES:
                await asyncio.sleep(0)
    return Packed(len(groups), tuple(parts))


async def unpack(packed: Packed) -> tuple[DeltaGroup, ...]:
    """Return the groups. Raises `msgspec.MsgspecError` for anything else."""
    groups: list[DeltaGroup] = [()] * packed.number
    for part in packed.parts:
        number, some = _decode(part)
        groups[number] += some
        if len(part) > LARGE_BYTES:
            await asyncio.sleep(0)
    return tuple(groups)


def _split(group: DeltaGroup) -> Iterator[DeltaGroup]:
    if logprobs_in(group) <= PART:
        yield group
    else:
        yield from ((delta,) for delta in group)
