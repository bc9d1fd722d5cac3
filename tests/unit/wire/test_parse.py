import json
from typing import Any

import pytest
from pydantic import ValidationError

from caption_studio.errors import RequestError
from caption_studio.records import CaptionRequest, Turn
from caption_studio.settings import Settings
from caption_studio.wire.parse import parse_chat, parse_completion

SETTINGS = Settings.load()
URL = "data:image/png;base64,AAAA"
PICTURE = {"type": "image_url", "image_url": {"url": URL}}
USER = {"role": "user", "content": "hi"}


def chat(**fields: Any) -> CaptionRequest:
    body = {"messages": [{"role": "user", "content": [PICTURE]}], **fields}
    return parse_chat(json.dumps(body).encode(), request_id="r", settings=SETTINGS)


def completion(**fields: Any) -> CaptionRequest:
    return parse_completion(json.dumps(fields).encode(), request_id="r", settings=SETTINGS)


def test_a_picture_defaults_to_the_first_adapter_and_its_sampling() -> None:
    request = chat()
    assert request.model == "caption-demo"
    assert (request.sampling.temperature, request.sampling.top_p) == (0.1, 0.7)
    assert request.sampling.max_tokens == SETTINGS.language.caption_max_tokens


def test_text_alone_defaults_to_the_base_model_and_the_official_sampling() -> None:
    request = chat(messages=[USER])
    assert request.model == "falcon-demo"
    assert (request.sampling.temperature, request.sampling.max_tokens) == (1.0, None)
    assert completion(prompt="a").sampling.max_tokens == 16


def test_pictures_keep_their_place_in_the_body() -> None:
    parts = [{"type": "text", "text": "Be brief"}, PICTURE]
    request = chat(
        messages=[{"role": "system", "content": "s"}, {"role": "user", "content": parts}]
    )
    assert [i.param for i in request.images] == ["messages[1].content[1].image_url.url"]
    assert request.turns == (Turn("system", "s"), Turn("user", "Be brief"))


def test_every_sampling_field_arrives() -> None:
    request = chat(
        temperature=1.5, top_p=0.5, max_tokens=9, max_completion_tokens=7, n=2, stop="x", seed=3
    )
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.max_tokens) == (1.5, 0.5, 7)
    assert (sampling.n, sampling.stop, sampling.seed) == (2, ("x",), 3)


def test_streaming_and_usage() -> None:
    request = chat(stream=True, stream_options={"include_usage": True})
    assert request.stream
    assert request.include_usage


def test_a_completion_with_an_image_is_a_caption() -> None:
    request = completion(image=URL, prompt="Be brief")
    assert request.images[0].param == "image"
    assert request.model == "caption-demo"
    assert request.turns == (Turn("user", "Be brief"),)


BAD = [
    ({"temperature": "hot"}, "temperature", "invalid_type"),
    ({"temperature": 2.1}, "temperature", "decimal_above_max_value"),
    ({"temperature": -1}, "temperature", "decimal_below_min_value"),
    ({"top_p": 1.5}, "top_p", "decimal_above_max_value"),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"n": 10**6}, "n", "integer_above_max_value"),
    ({"n": 1.5}, "n", "invalid_type"),
    ({"n": True}, "n", "invalid_type"),
    ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ({"stop": ["a"] * 5}, "stop", "array_above_max_length"),
    ({"stop": [1]}, "stop[0]", "invalid_type"),
    ({"stop": ""}, "stop", "string_below_min_length"),
    ({"stream": "yes"}, "stream", "invalid_type"),
    ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
    ({"chat_template": "x"}, "chat_template", "unknown_parameter"),
    ({"stream": True, "stream_options": {"x": 1}}, "stream_options.x", "unknown_parameter"),
    ({"model": 5}, "model", "invalid_type"),
    ({"messages": []}, "messages", "array_below_min_length"),
    ({"messages": "hi"}, "messages", "invalid_type"),
    ({"messages": None}, "messages", "invalid_type"),
    ({"messages": [1]}, "messages[0]", "invalid_value"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0]", "invalid_value"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
    (
        {"messages": [{"role": "user", "content": [{"type": "audio"}]}]},
        "messages[0].content[0]",
        "invalid_value",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        "messages[0].content[0].image_url.url",
        "missing_required_parameter",
    ),
    (
        {"messages": [{"role": "system", "content": [PICTURE]}]},
        "messages[0].content[0].type",
        "invalid_value",
    ),
    (
        {"messages": [{"role": "user", "content": [PICTURE] * 9}]},
        "messages",
        "array_above_max_length",
    ),
    (
        {"messages": [{"role": "user", "content": "x" * 40_000}]},
        "messages",
        "string_above_max_length",
    ),
]


@pytest.mark.parametrize(("fields", "param", "code"), BAD)
def test_a_bad_field_is_named(fields: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(RequestError) as refused:
        chat(**fields)
    assert (refused.value.param, refused.value.code) == (param, code)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"n": NaN}',
        b'{"n": Infinity}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"prompt": "\\ud800"}',
    ],
)
def test_what_is_not_one_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError) as refused:
        parse_chat(body, request_id="r", settings=SETTINGS)
    assert (refused.value.status, refused.value.code) == (400, None)


def test_a_completion_needs_a_prompt_or_a_picture() -> None:
    with pytest.raises(RequestError) as refused:
        completion(max_tokens=5)
    assert refused.value.param == "prompt"


LONG_NAME = "x" * 100_000


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"messages": [{"role": "user", "content": ""}] * 1001}, "messages", "array"),
        ({"messages": [{}] * 1001}, "messages", "array"),
        ({"messages": [1] * 1001}, "messages", "array"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}] * 1001}]},
            "messages",
            "array",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}] * 2}] * 501},
            "messages",
            "array",
        ),
        ({"messages": [{**USER, "name": "x" * 257}]}, "messages[0].name", "string"),
        ({"messages": [{**USER, "name": LONG_NAME}]}, "messages[0].name", "string"),
        ({"user": "x" * 1025}, "user", "string"),
        ({"user": LONG_NAME}, "user", "string"),
        ({"logit_bias": {str(number): 1 for number in range(4000)}}, "logit_bias", "array"),
        ({f"x{number}": 1 for number in range(4000)}, None, "array"),
        ({"stop": [LONG_NAME]}, "stop[0]", "string"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_long_is_refused_as_such(
    fields: dict[str, Any], param: str | None, code: str
) -> None:
    with pytest.raises(RequestError) as caught:
        chat(**fields)
    assert (caught.value.param, caught.value.code) == (param, f"{code}_above_max_length")
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize(
    "fields",
    [
        {"x" * 5000: 1},
        {"messages": [{**USER, "x" * 5000: 1}]},
        {"messages": [{"role": LONG_NAME}]},
        {"messages": [{"role": "user", "content": [{"type": LONG_NAME}]}]},
        {"response_format": {"type": LONG_NAME}},
        {"model": LONG_NAME},
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_error_does_not_repeat_what_is_long(fields: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as caught:
        chat(**fields)
    assert len(caught.value.message) + len(caught.value.param or "") < 1000


def test_many_turns_are_fine_as_long_as_their_prompt_is() -> None:
    turns = [USER, {"role": "assistant", "content": "b"}] * 500
    assert len(chat(messages=turns).turns) == 1000
    settings = Settings.load({"gateway": {"max_text_bytes": 1000}})
    body = json.dumps({"messages": [{"role": "user", "content": ""}] * 100}).encode()
    with pytest.raises(RequestError) as caught:
        parse_chat(body, request_id="r", settings=settings)
    assert (caught.value.param, caught.value.code) == ("messages", "string_above_max_length")


def test_only_the_first_of_many_bad_items_is_told() -> None:
    bad = {**USER, **{f"x{number}": 1 for number in range(30)}}
    with pytest.raises(RequestError) as caught:
        chat(messages=[USER, *[bad] * 100])
    assert caught.value.param == "messages[1].x0"
    assert isinstance(caught.value.__context__, ValidationError)
    assert caught.value.__context__.error_count() == 30
