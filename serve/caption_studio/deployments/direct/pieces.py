"""Groups of deltas → byte strings for the way between replicas, and back.

Encoding many log probabilities at once would hold up all other requests of the process.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

import msgspec

from caption_studio.logprob_parts import PART, logprobs_in
from caption_studio.records import DeltaGroup

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[bool, DeltaGroup]).decode
LARGE_BYTES = 20 * PART


async def pieces_of(groups: AsyncIterator[DeltaGroup]) -> AsyncGenerator[bytes]:
    """Yield each group as pieces: some of its deltas, and whether they are the last."""
    async for group in groups:
        parts = tuple(_split(group))
        for number, some in enumerate(parts, start=1):
            piece = _encode((number == len(parts), some))
            yield piece
            if len(piece) > LARGE_BYTES:
                await asyncio.sleep(0)


async def groups_of(pieces: AsyncIterator[bytes]) -> AsyncGenerator[DeltaGroup]:
    """Yield the groups again. Raises `msgspec.MsgspecError` for anything else."""
    group: DeltaGroup = ()
    async for piece in pieces:
        is_last, some = _decode(piece)
        group += some
        if len(piece) > LARGE_BYTES:
            await asyncio.sleep(0)
        if is_last:
            yield group
            group = ()


def _split(group: DeltaGroup) -> Iterator[DeltaGroup]:
    if logprobs_in(group) <= PART:
        yield group
    else:
        yield from ((delta,) for delta in group)
