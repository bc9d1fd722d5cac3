"""Answers with very many log probabilities: whole, and others get their turn meanwhile."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from caption_studio.logprob_parts import PART
from caption_studio.records import CaptionDelta, DeltaGroup, Prompt, TokenLogprob
from tests.fakes import FakeCaptioner
from tests.unit.gateway.test_gateway import gateway

pytestmark = pytest.mark.anyio

TOKENS, CANDIDATES = 1000, 20
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "messages": [{"role": "user", "content": "hi"}],
        "logprobs": True,
        "top_logprobs": CANDIDATES,
    },
    "/v1/completions": {"prompt": "hi", "logprobs": 5},
    "/v1/responses": {
        "input": "hi",
        "top_logprobs": CANDIDATES,
        "include": ["message.output_text.logprobs"],
    },
}


class Verbose(FakeCaptioner):
    """Gives one group with the whole answer and all its log probabilities."""

    async def generate(self, prompt: Prompt, *, stream: bool) -> AsyncGenerator[DeltaGroup]:
        candidates = tuple(TokenLogprob(b"%d" % place, -place) for place in range(CANDIDATES))
        tokens = tuple(
            TokenLogprob(b"x", -0.25, candidates, text_offset=place) for place in range(TOKENS)
        )
        yield (CaptionDelta(0, "x" * TOKENS, TOKENS, 2, "stop", tokens),)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("stream", [False, True])
async def test_others_get_their_turn_while_an_answer_is_rendered(path: str, stream: bool) -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with gateway(captioner=Verbose()) as client:
        await client.post(path, json={**BODIES[path], "stream": stream})  # imports, caches
        counting = asyncio.create_task(count_turns())
        answer = await client.post(path, json={**BODIES[path], "stream": stream})
        counting.cancel()
    assert answer.status_code == 200
    candidates = 5 if path == "/v1/completions" else CANDIDATES
    assert turns >= TOKENS * candidates / PART
    assert len(shown(path, answer.text, stream)) == TOKENS


def shown(path: str, text: str, stream: bool) -> list[Any]:
    """Return the entries of the tokens, wherever the endpoint has them."""
    if stream:
        events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
        if path == "/v1/responses":
            (body,) = [one["response"] for one in events if one["type"] == "response.completed"]
            (delta,) = [one for one in events if one["type"] == "response.output_text.delta"]
            assert delta["logprobs"] == body["output"][0]["content"][0]["logprobs"]
        else:
            (body,) = [one for one in events if any(c["logprobs"] for c in one["choices"])]
    else:
        body = json.loads(text)
    if path == "/v1/responses":
        entries: list[Any] = body["output"][0]["content"][0]["logprobs"]
    elif path == "/v1/completions":
        logprobs = body["choices"][0]["logprobs"]
        assert {len(logprobs[name]) for name in logprobs} == {TOKENS}
        assert logprobs["text_offset"] == list(range(TOKENS))
        assert logprobs["top_logprobs"][0] == {str(place): -place for place in range(5)}
        return list(logprobs["tokens"])
    else:
        assert body["choices"][0]["logprobs"]["refusal"] is None
        entries = body["choices"][0]["logprobs"]["content"]
    last = entries[-1]
    assert (last["token"], last["logprob"], last["bytes"]) == ("x", -0.25, [120])
    assert [one["token"] for one in last["top_logprobs"]] == [str(n) for n in range(CANDIDATES)]
    return entries
