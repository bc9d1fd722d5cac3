"""Groups on their way between replicas."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from caption_studio.deployments.direct.pieces import groups_of, pieces_of
from caption_studio.logprob_parts import PART, in_parts, logprobs_in
from caption_studio.records import CaptionDelta, DeltaGroup, TokenLogprob

pytestmark = pytest.mark.anyio

CANDIDATES = (TokenLogprob(b"a", -1.0), TokenLogprob(b"b", -2.0))
TOKEN = TokenLogprob(b"\xf0\x9f", -0.5, CANDIDATES, 3)
DELTA = CaptionDelta(1, "Sea 🌊", 2, 7, "stop", (TOKEN, TOKEN), queued=True)
LARGE = replace(DELTA, logprobs=(TOKEN,) * PART)


async def every(of: Sequence[DeltaGroup]) -> AsyncIterator[DeltaGroup]:
    for one in of:
        yield one


@pytest.mark.parametrize(
    "groups",
    [
        (),
        ((CaptionDelta(0, "", 0, 7),),),
        ((DELTA,), (DELTA, CaptionDelta(0, "more", 1, 7))),
        ((DELTA,), (LARGE, DELTA, LARGE), (LARGE,)),
    ],
)
async def test_groups_arrive_as_they_were(groups: tuple[DeltaGroup, ...]) -> None:
    assert tuple([group async for group in groups_of(pieces_of(every(groups)))]) == groups


async def test_no_piece_holds_more_than_one_large_delta() -> None:
    groups = every(((LARGE, LARGE), (DELTA, DELTA)))
    assert len([piece async for piece in pieces_of(groups)]) == 3


def test_alternatives_count() -> None:
    assert logprobs_in(()) == logprobs_in((CaptionDelta(0, "x", 1, 7),)) == 0
    assert logprobs_in((DELTA, DELTA)) == 12


def test_parts_are_small_and_leave_nothing_out() -> None:
    tokens = [TokenLogprob(b"x", -0.5, CANDIDATES, place) for place in range(PART)]
    parts = list(in_parts(tokens))
    assert [token for part in parts for token in part] == tokens
    assert all(3 * len(part) <= PART for part in parts)
    assert list(in_parts([])) == []
