"""Voices and controls, through the gateway's app over fakes."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from caption_studio.errors import EngineFailure
from caption_studio.records import DeltaGroup, Prompt
from caption_studio.settings import ControlSettings, VoiceSettings
from tests.fakes import FakeCaptioner, FakeDescriber, FakeGuard
from tests.unit.gateway.test_admin import ADMIN, BOSS, error_of
from tests.unit.gateway.test_authentication import bearer
from tests.unit.gateway.test_gateway import CHAT, CHAT_PATH, gateway

pytestmark = pytest.mark.anyio

VOICES = "/v1/admin/voices"
LIVELY = ' "Red boats at sea! ⛵ #sailing #boatlife"'
SHOUT = {
    "id": "shout",
    "adapter": "caption-demo",
    "description": "Loud",
    "template": "Shout about {description}\nNow:",
    "cut": "whole",
    "controls": {"hashtags": 0},
    "max_tokens": 9,
    "temperature": 0.5,
}


def asked(model: str = "caption-demo", **controls: Any) -> dict[str, Any]:
    return {**CHAT, "model": model, "caption_studio": controls}


class Answers(FakeCaptioner):
    """Writes another text at each call."""

    def __init__(self, *texts: str) -> None:
        super().__init__()
        self.texts = list(texts)

    async def generate(self, prompt: Prompt, *, stream: bool) -> AsyncGenerator[DeltaGroup]:
        self.pieces = (self.texts[min(len(self.prompts), len(self.texts) - 1)],)
        async for group in super().generate(prompt, stream=stream):
            yield group


@pytest.mark.parametrize(
    ("controls", "text"),
    [
        ({"hashtags": 0}, "Red boats at sea! ⛵"),
        ({"hashtags": 1}, "Red boats at sea! ⛵ #sailing"),
        ({"emoji": False}, "Red boats at sea! #sailing #boatlife"),
        ({"avoid": ["SEA"], "hashtags": 0, "emoji": False}, "Red boats!"),
        ({"length": 12, "hashtags": 0}, "Red boats"),
        ({"platform": "x"}, "Red boats at sea! ⛵ #sailing #boatlife"),
    ],
)
async def test_controls_hold_and_the_answer_says_so(controls: Any, text: str) -> None:
    async with gateway(FakeCaptioner((LIVELY,))) as client:
        body = (await client.post(CHAT_PATH, json=asked(**controls))).json()
    assert body["choices"][0]["message"]["content"] == text
    assert body["caption_studio"]["controls"] == dict.fromkeys(controls, True)


async def test_a_stream_carries_the_same() -> None:
    captioner = FakeCaptioner((LIVELY,))
    async with gateway(captioner) as client:
        answer = await client.post(CHAT_PATH, json={**asked(hashtags=0), "stream": True})
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line[6:7] == "{"]
    text = "".join(e["choices"][0]["delta"].get("content", "") for e in events if e["choices"])
    assert text == "Red boats at sea! ⛵"
    marks = [e["caption_studio"] for e in events if "controls" in e.get("caption_studio", {})]
    assert [one["controls"] for one in marks] == [{"hashtags": True}]


async def test_a_responses_answer_and_several_choices_carry_the_same() -> None:
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    body = {
        "input": [{"role": "user", "content": [picture]}],
        "caption_studio": {"hashtags": 0},
    }
    async with gateway(FakeCaptioner((LIVELY,))) as client:
        one = (await client.post("/v1/responses", json=body)).json()
        two = (await client.post(CHAT_PATH, json={**asked(hashtags=0), "n": 2})).json()
    assert one["output"][0]["content"][0]["text"] == "Red boats at sea! ⛵"
    assert one["caption_studio"]["controls"] == {"hashtags": True}
    captions = two["caption_studio"]["captions"]
    assert [caption["controls"] for caption in captions] == [{"hashtags": True}] * 2


async def test_the_captions_in_a_json_answer_are_held_to_them_too() -> None:
    schema = {
        "type": "object",
        "properties": {"caption": {"type": "string"}, "subject": {"type": "string"}},
    }
    written = {"caption": "Boats! #sea", "subject": "a #boat"}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    async with gateway(FakeCaptioner((json.dumps(written),))) as client:
        answer = await client.post(CHAT_PATH, json={**asked(hashtags=0), "response_format": wanted})
    content = json.loads(answer.json()["choices"][0]["message"]["content"])
    assert content == {"caption": "Boats!", "subject": "a #boat"}
    assert answer.json()["caption_studio"]["controls"] == {"hashtags": True}


async def test_a_caption_of_which_cutting_leaves_little_is_written_once_more() -> None:
    captioner = Answers(' "Sea sea sea"', ' "A red boat"')
    async with gateway(captioner) as client:
        body = (await client.post(CHAT_PATH, json=asked(avoid=["sea"]))).json()
    assert body["choices"][0]["message"]["content"] == "A red boat"
    first, second = captioner.prompts
    assert first.text == second.text
    assert second.sampling.temperature > first.sampling.temperature
    assert body["usage"]["completion_tokens"] == 2


@pytest.mark.parametrize(
    ("controls", "code", "param"),
    [
        ({"tone": "playful"}, "invalid_value", "caption_studio.tone"),
        ({"language": "de"}, "invalid_value", "caption_studio.language"),
        ({"emoji": True}, "invalid_value", "caption_studio.emoji"),
        ({"platform": "myspace"}, "invalid_value", "caption_studio.platform"),
        ({"length": "huge"}, "invalid_value", "caption_studio.length"),
        ({"length": 0}, "integer_below_min_value", "caption_studio.length"),
        ({"hashtags": 31}, "integer_above_max_value", "caption_studio.hashtags"),
        ({"hashtags": "none"}, "invalid_type", "caption_studio.hashtags"),
        ({"avoid": ["!"]}, "invalid_value", "caption_studio.avoid[0]"),
        ({"avoid": ["a"] * 65}, "array_above_max_length", "caption_studio.avoid"),
        ({"language": "german please"}, "invalid_value", "caption_studio.language"),
        ({"mood": "good"}, "unknown_parameter", "caption_studio.mood"),
    ],
)
async def test_a_control_that_cannot_be_kept_is_refused_by_name(
    controls: Any, code: str, param: str
) -> None:
    captioner = FakeCaptioner()
    async with gateway(captioner) as client:
        answer = await client.post(CHAT_PATH, json=asked(**controls))
    assert error_of(answer) == (400, code, param)
    assert not captioner.prompts


async def test_controls_need_a_picture_and_take_no_log_probabilities() -> None:
    text = {"messages": [{"role": "user", "content": "hi"}], "caption_studio": {"hashtags": 0}}
    async with gateway(**ADMIN) as client:
        without = await client.post(CHAT_PATH, json=text)
        probable = await client.post(CHAT_PATH, json={**asked(hashtags=0), "logprobs": True})
        await client.post(VOICES, json={**SHOUT, "controls": {}, "faithful": True}, headers=BOSS)
        faithful = {**CHAT, "model": "shout", "logprobs": True}
        checked = await client.post(CHAT_PATH, json=faithful)
    assert error_of(without) == (400, "invalid_value", "caption_studio.hashtags")
    assert error_of(probable) == error_of(checked) == (400, "invalid_value", "logprobs")


async def test_a_voice_is_added_and_serves_at_once_and_goes_again() -> None:
    captioner = FakeCaptioner(("Red boats! #sea",))
    async with gateway(captioner, **ADMIN) as client:
        added = await client.post(VOICES, json=SHOUT, headers=BOSS)
        assert added.status_code == 201
        assert {**added.json(), **SHOUT} == added.json()
        models = (await client.get("/v1/models")).json()["data"]
        assert models[-1] | {"created": 0} == {
            "id": "shout",
            "object": "model",
            "created": 0,
            "owned_by": "caption-studio",
            "root": "falcon-demo",
            "parent": "caption-demo",
            "description": "Loud",
        }
        body = (await client.post(CHAT_PATH, json={**CHAT, "model": "shout"})).json()
        assert body["choices"][0]["message"]["content"] == "Red boats!"
        assert body["caption_studio"]["adapter"] == "caption-demo"
        (prompt,) = captioner.prompts
        assert prompt.text == "Shout about a red boat\nNow:"
        assert (prompt.sampling.max_tokens, prompt.sampling.temperature) == (9, 0.5)
        assert prompt.answer == "trimmed"
        gone = await client.delete(f"{VOICES}/shout", headers=BOSS)
        assert gone.json() == {"id": "shout", "object": "voice", "deleted": True}
        later = await client.post(CHAT_PATH, json={**CHAT, "model": "shout"})
        assert error_of(later) == (404, "model_not_found", "model")


async def test_the_caller_outdoes_the_voice() -> None:
    captioner = FakeCaptioner((LIVELY,))
    voice = VoiceSettings(
        id="v", adapter="caption-demo", controls=ControlSettings(hashtags=0), temperature=0.5
    )
    async with gateway(captioner, voices=[voice]) as client:
        body = {**asked("v", hashtags=1), "temperature": 0}
        answer = (await client.post(CHAT_PATH, json=body)).json()
    assert answer["choices"][0]["message"]["content"].count("#") == 1
    assert captioner.prompts[0].sampling.temperature == 0


@pytest.mark.parametrize(
    ("changes", "status", "code", "param"),
    [
        ({"adapter": "nobody"}, 400, "invalid_voice", "adapter"),
        ({"template": "no field"}, 400, "invalid_voice", "template"),
        ({"template": "{description.text}"}, 400, "invalid_voice", "template"),
        ({"template": "{description!r}"}, 400, "invalid_voice", "template"),
        ({"template": "{description} {secret}"}, 400, "invalid_voice", "template"),
        ({"template": "{description}" * 400}, 400, "string_above_max_length", "template"),
        ({"controls": {"platform": "myspace"}}, 400, "invalid_voice", "controls.platform"),
        ({"id": "caption-demo"}, 409, "voice_exists", "id"),
        ({"id": "falcon-demo"}, 409, "voice_exists", "id"),
        ({"id": "a b"}, 400, "invalid_value", "id"),
        ({"controls": {"tone": "sad"}}, 400, "invalid_voice", "controls.tone"),
        ({"on_flag": "replace"}, 400, "invalid_voice", "replacement"),
        ({"on_flag": "hide"}, 400, "invalid_value", "on_flag"),
        ({"mood": "good"}, 400, "unknown_parameter", "mood"),
    ],
)
async def test_a_voice_that_cannot_serve_is_refused(
    changes: Any, status: int, code: str, param: str
) -> None:
    async with gateway(**ADMIN) as client:
        answer = await client.post(VOICES, json={**SHOUT, **changes}, headers=BOSS)
        assert error_of(answer) == (status, code, param)
        assert len((await client.get("/v1/models")).json()["data"]) == 3


async def test_only_an_administrator_changes_voices() -> None:
    async with gateway(api_keys=["the-key-of-a-user"], **ADMIN) as client:
        for headers in ({}, bearer("the-key-of-a-user")):
            answer = await client.post(VOICES, json=SHOUT, headers=headers)
            assert error_of(answer) == (401, "invalid_api_key", None)
        unknown = await client.delete(f"{VOICES}/nobody", headers=BOSS)
        configured = await client.delete(f"{VOICES}/caption-demo", headers=BOSS)
    assert error_of(unknown) == (404, "model_not_found", "id")
    assert error_of(configured) == (409, "voice_is_configured", "id")


async def test_an_adapter_that_a_voice_writes_with_stays() -> None:
    async with gateway(**ADMIN) as client:
        late = {"id": "late", "source": "org/late", "revision": "0" * 40}
        await client.post("/v1/admin/adapters", json=late, headers=BOSS)
        await client.post(VOICES, json={**SHOUT, "adapter": "late"}, headers=BOSS)
        refused = await client.delete("/v1/admin/adapters/late", headers=BOSS)
        assert error_of(refused) == (409, "adapter_in_use", "id")
        assert "shout" in refused.json()["error"]["message"]
        await client.delete(f"{VOICES}/shout", headers=BOSS)
        assert (await client.delete("/v1/admin/adapters/late", headers=BOSS)).status_code == 200


@pytest.mark.parametrize(
    ("on_flag", "text"), [("mark", "Red boats at sea! ⛵ #sailing #boatlife"), ("replace", "—")]
)
async def test_a_flagged_caption_is_marked_or_replaced_and_counted(on_flag: Any, text: str) -> None:
    voice = VoiceSettings(id="v", adapter="caption-demo", on_flag=on_flag, replacement="—")
    captioner = FakeCaptioner((LIVELY,))
    async with gateway(captioner, voices=[voice], guard=FakeGuard("boats")) as client:
        body = (await client.post(CHAT_PATH, json={**CHAT, "model": "v"})).json()
        metrics = (await client.get("/metrics")).text
    assert body["choices"][0]["message"]["content"] == text
    assert body["caption_studio"]["flagged"] == ["word"]
    assert 'caption_studio_captions_flagged_total{model="v"} 1.0' in metrics


@pytest.mark.parametrize("flagged", ["boats", "a red boat"])
async def test_a_voice_may_refuse_a_flagged_caption_or_picture(flagged: str) -> None:
    voice = VoiceSettings(id="v", adapter="caption-demo", on_flag="refuse")
    guard = FakeGuard(flagged)
    async with gateway(FakeCaptioner((LIVELY,)), voices=[voice], guard=guard) as client:
        answer = await client.post(CHAT_PATH, json={**CHAT, "model": "v", "stream": True})
        metrics = (await client.get("/metrics")).text
    assert error_of(answer) == (400, "content_policy_violation", None)
    assert "boat" not in answer.text
    assert 'caption_studio_tokens_total{kind="completion",model="v"} 1.0' in metrics
    assert 'caption_studio_captions_flagged_total{model="v"} 1.0' in metrics


async def test_a_failure_while_writing_once_more_costs_nothing() -> None:
    class Breaks(FakeCaptioner):
        async def generate(self, prompt: Prompt, *, stream: bool) -> AsyncGenerator[DeltaGroup]:
            self.failure = EngineFailure("gone") if self.prompts else None
            async for group in super().generate(prompt, stream=stream):
                yield group

    async with gateway(Breaks((' "Sea sea sea a boat"',))) as client:
        body = (await client.post(CHAT_PATH, json=asked(avoid=["sea"]))).json()
    assert body["choices"][0]["message"]["content"] == "A boat"


async def test_a_json_answer_is_refused_where_text_would_replace_it() -> None:
    voice = VoiceSettings(id="v", adapter="caption-demo", on_flag="replace", replacement="-")
    wanted = {"type": "json_object"}
    captioner, guard = FakeCaptioner(('{"caption": "boats"}',)), FakeGuard("boats")
    async with gateway(captioner, voices=[voice], guard=guard) as client:
        body = {**CHAT, "model": "v", "response_format": wanted}
        answer = await client.post(CHAT_PATH, json=body)
    assert error_of(answer) == (400, "content_policy_violation", None)


async def test_a_caption_that_contradicts_the_description_is_written_once_more() -> None:
    voice = VoiceSettings(id="v", adapter="caption-demo", faithful=True)
    describer = FakeDescriber("two brown dogs on a beach")
    captioner = Answers(' "Three black cats!"', ' "Two brown dogs!"')
    async with gateway(captioner, describer=describer, voices=[voice]) as client:
        mended = (await client.post(CHAT_PATH, json={**CHAT, "model": "v"})).json()
        captioner.texts = [' "Three black cats!"']
        wrong = (await client.post(CHAT_PATH, json={**CHAT, "model": "v"})).json()
        metrics = (await client.get("/metrics")).text
    assert mended["choices"][0]["message"]["content"] == "Two brown dogs!"
    assert mended["caption_studio"]["faithful"] is True
    assert wrong["caption_studio"]["faithful"] is False
    assert 'caption_studio_captions_unfaithful_total{model="v"} 1.0' in metrics
