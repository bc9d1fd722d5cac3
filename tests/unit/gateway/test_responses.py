"""`POST /v1/responses` over fakes, in the official client's own types."""

import json
from dataclasses import replace
from typing import Any

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from caption_studio.errors import EngineFailure
from tests.fakes import FakeCaptioner, FakeStructures
from tests.unit.gateway.test_gateway import gateway

pytestmark = pytest.mark.anyio

PATH = "/v1/responses"
PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"}
ASKED: dict[str, Any] = {"input": [{"role": "user", "content": [PICTURE]}]}
EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
PARTS = {
    "description": "a red boat",
    "caption": "Sea you",
    "hashtags": [],
    "alt_text": "A red boat.",
    "adapter": "caption-demo",
}


def of_tool(output: Any, kind: str = "function_call_output") -> dict[str, Any]:
    """Return a body whose input is a tool's output."""
    return {"input": [{"type": kind, "call_id": "c", "output": output}]}


def read(stream: str) -> list[Any]:
    """Return the events of a stream, each in its official type, whose `event` line agrees."""
    events = []
    for block in stream.strip().split("\n\n"):
        kind, data = block.split("\n")
        event = EVENT.validate_json(data.removeprefix("data: "))
        assert kind == f"event: {event.type}"
        events.append(event)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    return events


async def test_a_whole_response_is_the_official_object() -> None:
    body = {**ASKED, "instructions": "Be brief.", "metadata": {"a": "b"}, "store": True}
    captioner = FakeCaptioner()
    async with gateway(captioner) as client:
        answer = await client.post(PATH, json=body)
    assert answer.status_code == 200
    response = Response.model_validate_json(answer.content)
    assert response.output_text == "Sea you"
    assert response.status == "completed"
    assert response.id.startswith("resp_")
    (item,) = response.output
    assert item.id.startswith("msg_")
    assert response.usage is not None
    assert response.usage.total_tokens == 7 + 2
    assert response.instructions == "Be brief."
    assert response.metadata == {"a": "b"}
    assert response.model == "caption-demo"
    assert answer.json()["store"] is False
    assert answer.json()["caption_studio"] == PARTS
    assert "Request: Be brief." in captioner.prompts[0].text


async def test_the_events_come_in_the_official_order() -> None:
    async with gateway() as client:
        answer = await client.post(PATH, json={**ASKED, "stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = read(answer.text)
    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert "".join(event.delta for event in events[4:6]) == events[6].text == "Sea you"
    first, last = events[0].response, events[-1].response
    assert first.id == last.id
    assert first.model_extra["caption_studio"] == {"description": "a red boat"}
    assert last.model_extra["caption_studio"] == PARTS
    assert last.output_text == "Sea you"
    assert last.usage.output_tokens == 2
    assert {event.item_id for event in events[3:8]} == {last.output[0].id}


class Cut(FakeCaptioner):
    """Stops at the limit."""

    async def generate(self, prompt: Any, *, stream: bool) -> Any:
        from dataclasses import replace

        async for group in super().generate(prompt, stream=stream):
            yield tuple(
                replace(delta, finish_reason=delta.finish_reason and "length") for delta in group
            )


async def test_an_answer_that_was_cut_is_incomplete() -> None:
    async with gateway(Cut()) as client:
        whole = await client.post(PATH, json={**ASKED, "max_output_tokens": 2})
        streamed = await client.post(PATH, json={**ASKED, "max_output_tokens": 2, "stream": True})
    for response in (Response.model_validate_json(whole.content), read(streamed.text)[-1].response):
        assert response.status == "incomplete"
        assert response.incomplete_details is not None
        assert response.incomplete_details.reason == "max_output_tokens"
        assert response.output[0].status == "incomplete"
        assert response.max_output_tokens == 2
    assert read(streamed.text)[-1].type == "response.incomplete"


async def test_a_failure_in_a_stream_ends_it_with_a_failed_response() -> None:
    captioner = FakeCaptioner(failure=EngineFailure("The captioner failed."), fail_after=1)
    captioner.pieces = ('"Sea', " you", '"')
    async with gateway(captioner) as client:
        answer = await client.post(PATH, json={**ASKED, "stream": True})
    *_, error, failed = read(answer.text)
    assert (error.type, error.code) == ("error", "engine_failure")
    assert failed.type == "response.failed"
    assert failed.response.error.code == "server_error"
    assert failed.response.status == "failed"


async def test_a_schema_is_held_to_and_echoed() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    wanted = {"type": "json_schema", "name": "x", "schema": schema, "strict": True}
    captioner, structures = FakeCaptioner(['{"a":', '"b"}']), FakeStructures()
    async with gateway(captioner, structures=structures) as client:
        answer = await client.post(PATH, json={**ASKED, "text": {"format": wanted}})
    assert answer.json()["output"][0]["content"][0]["text"] == '{"a":"b"}'
    assert answer.json()["text"]["format"]["schema"] == schema
    (structure,) = structures.checked
    obeyed = json.loads(structure.schema)
    assert obeyed.items() >= {**schema, "additionalProperties": False}.items()
    assert structure.param == "text.format.schema"
    about = answer.json()["caption_studio"]
    assert about.keys() == {"description", "alt_text", "adapter"}


async def test_earlier_turns_in_every_form_are_taken() -> None:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}],
    }
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": "fc_1"}
    items = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
        message,
        {"role": "assistant", "content": [{"type": "output_text", "text": "Yes?"}], "id": "msg_2"},
        {"role": "assistant", "content": "Well?"},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        call,
        {"type": "function_call_output", "call_id": "c", "output": "42"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Go on"}]},
    ]
    captioner = FakeCaptioner([" Fine"])
    async with gateway(captioner) as client:
        answer = await client.post(PATH, json={"input": items})
        text = await client.post(PATH, json={"input": "Hello", "tools": [], "tool_choice": "auto"})
    assert answer.status_code == text.status_code == 200, answer.text
    assert captioner.prompts[0].text.splitlines() == [
        "System: Be brief.",
        "User: Hello",
        "Assistant: Hi",
        "Assistant: Yes?",
        "Assistant: Well?",
        "Assistant: f({})",
        "Assistant: 42",
        "User: Go on",
        "Assistant:",
    ]
    assert "caption_studio" not in answer.json()


@pytest.mark.parametrize("kind", ["function_call_output", "custom_tool_call_output"])
async def test_the_texts_of_a_tools_output_are_read(kind: str) -> None:
    parts = [
        {"type": "input_text", "text": "It", "prompt_cache_breakpoint": None},
        {"type": "output_text", "text": "is", "annotations": []},
        {"type": "text", "text": "42"},
    ]
    captioner = FakeCaptioner([" Fine"])
    async with gateway(captioner) as client:
        for output in (parts, []):
            answer = await client.post(PATH, json=of_tool(output, kind))
            assert answer.status_code == 200, answer.text
    assert captioner.prompts[0].text.splitlines()[0] == "Assistant: It is 42"


async def test_the_message_says_what_a_tools_output_and_a_tool_choice_may_be() -> None:
    several = "input[0].output must be a string or a list of parts."
    kinds = "input[0].output[0].type must be 'input_text', 'output_text' or 'text'."
    choice = "tool_choice must be 'auto' or 'none': this service answers in text."
    async with gateway() as client:
        for changes, message in (
            (of_tool(None), several),
            (of_tool([PICTURE]), kinds),
            ({"tool_choice": "any"}, choice),
        ):
            answer = await client.post(PATH, json={**ASKED, **changes})
            assert answer.json()["error"]["message"] == message


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt_cache_breakpoint": {"mode": "explicit"}},
        {"prompt_cache_breakpoint": None, "cache_control": None, "file_id": None},
        {"cache_control": {"type": "ephemeral"}, "id": "i", "uuid": "u", "annotations": []},
        {"detail": None, "a_field_of_tomorrow": None},
        {"detail": 3},
    ],
)
async def test_what_changes_nothing_in_a_picture_is_taken(fields: dict[str, Any]) -> None:
    content = [{**PICTURE, **fields}]
    async with gateway() as client:
        answer = await client.post(PATH, json={"input": [{"role": "user", "content": content}]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["caption_studio"]["description"] == "a red boat"


async def test_a_choice_among_tools_that_forces_none_is_taken_and_repeated() -> None:
    choice = {"type": "allowed_tools", "mode": "auto", "tools": []}
    body = {"input": "hi", "tools": [], "tool_choice": choice}
    async with gateway() as client:
        whole = await client.post(PATH, json=body)
        streamed = await client.post(PATH, json={**body, "stream": True})
        absent = await client.post(PATH, json={"input": "hi", "tool_choice": None})
    assert whole.status_code == absent.status_code == 200, whole.text
    assert Response.model_validate_json(whole.content).to_dict()["tool_choice"] == choice
    assert read(streamed.text)[-1].response.to_dict()["tool_choice"] == choice
    assert absent.json()["tool_choice"] == "auto"


async def test_the_pictures_of_the_last_turn_that_has_any_are_captioned() -> None:
    turns = [
        {"role": "user", "content": [PICTURE, PICTURE]},
        {"role": "assistant", "content": "Two boats"},
        {"role": "user", "content": [PICTURE]},
        {"role": "user", "content": "Shorter!"},
    ]
    async with gateway() as client:
        answer = await client.post(PATH, json={"input": turns})
    assert answer.json()["caption_studio"]["description"] == "a red boat"


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"previous_response_id": "resp_1"}, "invalid_value", "previous_response_id"),
        ({"conversation": "conv_1"}, "invalid_value", "conversation"),
        ({"conversation": {"id": "conv_1"}}, "invalid_value", "conversation"),
        ({"conversation": 5}, "invalid_value", "conversation"),
        ({"previous_response_id": 5}, "invalid_value", "previous_response_id"),
        ({"background": True}, "invalid_value", "background"),
        ({"prompt": {"id": "p"}}, "invalid_value", "prompt"),
        ({"prompt": 5}, "invalid_value", "prompt"),
        ({"tool_choice": "required"}, "invalid_value", "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "f"}}, "invalid_value", "tool_choice"),
        ({"tool_choice": "any"}, "invalid_value", "tool_choice"),
        ({"tool_choice": 5}, "invalid_value", "tool_choice"),
        (
            {"tool_choice": {"type": "allowed_tools", "mode": "required", "tools": []}},
            "invalid_value",
            "tool_choice",
        ),
        (
            {"input": [{"type": "item_reference", "id": "msg_1"}]},
            "invalid_value",
            "input[0].type",
        ),
        ({"input": [{"type": "web_search_call", "id": "w"}]}, "invalid_value", "input[0]"),
        ({"input": [{"role": "critic", "content": "x"}]}, "invalid_value", "input[0]"),
        ({"input": []}, "array_below_min_length", "input"),
        ({"input": None}, "invalid_type", "input"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
            "invalid_value",
            "input[0].content[0]",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "detail": "low"}]}]},
            "missing_required_parameter",
            "input[0].content[0].image_url",
        ),
        (
            {"input": [{"role": "user", "content": [{**PICTURE, "file_id": "file-1"}]}]},
            "invalid_value",
            "input[0].content[0].file_id",
        ),
        (
            {"input": [{"role": "user", "content": [{**PICTURE, "caption": "x"}]}]},
            "unknown_parameter",
            "input[0].content[0].caption",
        ),
        (of_tool([PICTURE]), "invalid_value", "input[0].output[0].type"),
        (
            of_tool([{"type": "input_text", "text": "42"}, {"type": "input_file"}]),
            "invalid_value",
            "input[0].output[1].type",
        ),
        (of_tool([{"text": "42"}]), "missing_required_parameter", "input[0].output[0].type"),
        (
            of_tool([{"type": "input_text"}]),
            "missing_required_parameter",
            "input[0].output[0].text",
        ),
        (of_tool(["42"]), "invalid_type", "input[0].output[0]"),
        (of_tool({"a": 42}), "invalid_type", "input[0].output"),
        (
            of_tool([PICTURE], "custom_tool_call_output"),
            "invalid_value",
            "input[0].output[0].type",
        ),
        ({"text": {"format": {"type": "yaml"}}}, "invalid_value", "text.format"),
        ({"n": 2}, "unknown_parameter", "n"),
        ({"priority": 1}, "unknown_parameter", "priority"),
        ({"min_tokens": 9, "max_output_tokens": 8}, "invalid_value", "min_tokens"),
        (
            {"ignore_eos": True, "text": {"format": {"type": "json_object"}}},
            "invalid_value",
            "ignore_eos",
        ),
        ({"max_output_tokens": 0}, "integer_below_min_value", "max_output_tokens"),
        ({"temperature": 3}, "decimal_above_max_value", "temperature"),
        ({"model": "none"}, "model_not_found", "model"),
    ],
)
async def test_what_cannot_be_served_is_refused_by_name(
    changes: dict[str, Any], code: str, param: str
) -> None:
    async with gateway() as client:
        for stream in (False, True):
            answer = await client.post(PATH, json={**ASKED, **changes, "stream": stream})
            assert answer.status_code in (400, 404)
            error = answer.json()["error"]
            assert (error["code"], error["param"]) == (code, param), error


async def test_the_fields_of_vllms_sampling_are_obeyed() -> None:
    asked = {
        "max_output_tokens": 8,
        "stop": ["\n"],
        "seed": 7,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.25,
        "logit_bias": {"5": -1},
        "top_k": 3,
        "min_p": 0.1,
        "repetition_penalty": 1.1,
        "min_tokens": 2,
        "ignore_eos": True,
        "stop_token_ids": [4],
        "include_stop_str_in_output": True,
    }
    captioner = FakeCaptioner()
    async with gateway(captioner) as client:
        answer = await client.post(PATH, json={**ASKED, **asked})
    assert answer.status_code == 200, answer.text
    (prompt,) = captioner.prompts
    assert prompt.sampling == replace(
        prompt.sampling,
        max_tokens=8,
        stop=("\n",),
        seed=7,
        presence_penalty=0.5,
        frequency_penalty=0.25,
        logit_bias=((5, -1.0),),
        top_k=3,
        min_p=0.1,
        repetition_penalty=1.1,
        min_tokens=2,
        ignore_eos=True,
        stop_token_ids=(4,),
        include_stop=True,
    )


async def test_fields_that_change_nothing_are_taken() -> None:
    nothing: dict[str, Any] = {
        "stop": None,
        "n": None,
        "a_field_of_tomorrow": None,
        "session_id": "s",
        "skip_special_tokens": True,
        "include_reasoning": True,
        "priority": 0,
        "enable_response_messages": False,
    }
    async with gateway() as client:
        answer = await client.post(PATH, json={**ASKED, **nothing})
    assert answer.status_code == 200, answer.text


async def test_a_top_p_of_0_is_greedy_and_repeated_as_it_came() -> None:
    captioner = FakeCaptioner()
    async with gateway(captioner) as client:
        answer = await client.post(PATH, json={**ASKED, "top_p": 0, "temperature": 0.5})
    assert (answer.json()["top_p"], answer.json()["temperature"]) == (0, 0.5)
    assert captioner.prompts[0].sampling.temperature == 0


async def test_a_remedy_is_named_where_memory_would_be_needed() -> None:
    async with gateway() as client:
        for changes in (
            {"previous_response_id": "resp_1"},
            {"input": [{"type": "item_reference", "id": "msg_1"}]},
        ):
            answer = await client.post(PATH, json={**ASKED, **changes})
            assert "send the earlier turns in `input`" in answer.json()["error"]["message"]
        for method in ("GET", "DELETE"):
            answer = await client.request(method, f"{PATH}/resp_1")
            assert answer.status_code == 404
            assert "send the earlier turns in `input`" in answer.json()["error"]["message"]


async def test_bookkeeping_is_taken() -> None:
    kept = {
        "store": True,
        "metadata": {"a": "b"},
        "user": "u",
        "service_tier": "auto",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "truncation": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"effort": "low", "summary": None},
        "text": {"verbosity": "low"},
        "include": ["reasoning.encrypted_content"],
        "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": False}],
        "stream_options": {"include_obfuscation": False},
        "background": False,
        "previous_response_id": None,
    }
    async with gateway() as client:
        answer = await client.post(PATH, json={**ASKED, **kept, "stream": False})
    assert answer.status_code == 200, answer.text
    response = Response.model_validate_json(answer.content)
    assert response.reasoning is not None
    assert response.reasoning.effort == "low"
    assert response.truncation == "auto"


async def test_the_route_is_counted_and_keyed_as_the_others_are() -> None:
    async with gateway(api_keys=["a-key-of-the-tests-that-is-long"]) as client:
        assert (await client.post(PATH, json=ASKED)).status_code == 401
    async with gateway() as client:
        await client.post(PATH, json=ASKED)
        metrics = (await client.get("/metrics")).text
    assert 'caption_studio_requests_total{method="POST",model="caption-demo"' in metrics
    assert f'route="{PATH}"' in metrics
