"""Groups on their way between replicas."""

import threading
from dataclasses import replace

import pytest

from caption_studio.deployments.streaming.packed import pack, unpack
from caption_studio.off_loop import MANY, logprobs_in, off_loop_if_many
from caption_studio.records import CaptionDelta, DeltaGroup, TokenLogprob

pytestmark = pytest.mark.anyio

TOKEN = TokenLogprob(b"\xf0\x9f", -0.5, (TokenLogprob(b"a", -1.0), TokenLogprob(b"b", -2.0)), 3)
DELTA = CaptionDelta(1, "Sea 🌊", 2, 7, "stop", (TOKEN, TOKEN), queued=True)


@pytest.mark.parametrize(
    "groups",
    [
        (),
        ((CaptionDelta(0, "", 0, 7),),),
        ((DELTA,), (DELTA, CaptionDelta(0, "more", 1, 7))),
        ((replace(DELTA, logprobs=(TOKEN,) * MANY),),),
    ],
)
async def test_groups_arrive_as_they_were(groups: tuple[DeltaGroup, ...]) -> None:
    packed = await pack(groups)
    assert packed.number == len(groups)
    assert await unpack(packed) == groups


async def test_only_work_on_many_log_probabilities_leaves_the_loop() -> None:
    here = threading.get_ident()
    assert await off_loop_if_many(threading.get_ident, MANY) == here
    assert await off_loop_if_many(threading.get_ident, MANY + 1) != here


def test_alternatives_count() -> None:
    assert logprobs_in(()) == logprobs_in((CaptionDelta(0, "x", 1, 7),)) == 0
    assert logprobs_in((DELTA, DELTA)) == 12
