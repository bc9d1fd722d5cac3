"""`response_format` → the form of the answer."""

import json
from typing import Any

import pytest

from caption_studio.errors import InvalidType, InvalidValue, MissingParameter, TooLong
from caption_studio.records import CaptionRequest
from caption_studio.settings import Settings
from caption_studio.structure.schema import ENGINE_OPTIONS
from caption_studio.wire.parse import parse_chat

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SCHEMA = {"type": "object", "properties": {"caption": {"type": "string"}}, "required": ["caption"]}
CLOSED = {**SCHEMA, "additionalProperties": False}


def asked(response_format: Any, text: str = "", **fields: Any) -> CaptionRequest:
    content = [PICTURE, *([{"type": "text", "text": text}] if text else [])]
    body = {
        "messages": [{"role": "user", "content": content}],
        "response_format": response_format,
        **fields,
    }
    return parse_chat(json.dumps(body).encode(), request_id="r", settings=Settings())


def plain(schema: str) -> Any:
    """Return the caller's part of a schema for the engine."""
    value = json.loads(schema)
    del value[ENGINE_OPTIONS]
    return value


def json_schema(schema: Any = SCHEMA, **fields: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, **fields}}


@pytest.mark.parametrize("strict", [True, False, None])
def test_a_schema_is_held_to_strict_or_not(strict: bool | None) -> None:
    structure = asked(json_schema(strict=strict)).sampling.structure
    assert structure is not None
    assert plain(structure.schema) == CLOSED
    assert structure.param == "response_format.json_schema.schema"
    assert structure.fallback is None


def test_neither_a_caption_nor_its_length_is_meant() -> None:
    settings = Settings().language
    assert asked(json_schema()).sampling.max_tokens == settings.structured_max_tokens
    assert asked(json_schema(), max_tokens=7).sampling.max_tokens == 7
    assert asked({"type": "text"}).sampling.max_tokens == settings.caption_max_tokens


def test_text_is_free() -> None:
    for free in (None, {"type": "text"}):
        assert asked(free).sampling.structure is None


@pytest.mark.parametrize("field", ["min_tokens", "ignore_eos"])
def test_json_cannot_be_made_longer_than_it_is(field: str) -> None:
    value = {"min_tokens": 5, "ignore_eos": True}[field]
    assert asked({"type": "text"}, **{field: value}).sampling.structure is None
    for response_format in ({"type": "json_object"}, json_schema()):
        with pytest.raises(InvalidValue) as refused:
            asked(response_format, **{field: value})
        assert refused.value.param == field


def test_a_json_object_may_be_any() -> None:
    structure = asked({"type": "json_object"}).sampling.structure
    assert structure is not None
    assert plain(structure.schema) == {"type": "object"}
    assert structure.param == "response_format"


def test_a_json_object_has_the_form_that_the_text_describes() -> None:
    example = {"properties": {"foo": {"type": "string"}}, "required": ["foo"]}
    text = "\n".join(
        [
            f'As an example, {json.dumps(example)} is met by {{"foo": "x"}}.',
            "Answer in this form:",
            json.dumps(SCHEMA, indent=2),
        ]
    )
    request = asked({"type": "json_object"}, text)
    structure = request.sampling.structure
    assert structure is not None
    assert plain(structure.schema) == CLOSED
    assert plain(structure.fallback or "") == {"type": "object"}
    (turn,) = request.turns
    assert "properties" not in turn.text
    assert "Answer in this form" in turn.text
    assert '{"foo": "x"}' in turn.text


def test_a_free_answers_text_keeps_its_schemas() -> None:
    (turn,) = asked(None, json.dumps(SCHEMA)).turns
    assert "properties" in turn.text


def test_hostile_text_is_searched_in_bounded_time() -> None:
    for text in ("{" * 30_000, '{"a":' * 6_000, '{"properties":' * 2_000):
        structure = asked({"type": "json_object"}, text).sampling.structure
        assert structure is not None
        assert structure.fallback is None


@pytest.mark.parametrize(
    "number", ["1" * 5_000, "-" + "1" * 5_000, "1" * 5_000 + ".5", "NaN", "-Infinity"]
)
@pytest.mark.parametrize("response_format", [{"type": "json_object"}, json_schema()])
def test_a_number_in_the_text_is_only_text(response_format: Any, number: str) -> None:
    data = f'[{{"n": {number}}}] '
    request = asked(response_format, data * 4 + json.dumps(SCHEMA))
    structure = request.sampling.structure
    assert structure is not None
    assert plain(structure.schema) == CLOSED
    assert request.turns[0].text == data * 4


@pytest.mark.parametrize("value", [r'"\ud83d"', r'{"\ude00": 1}', "NaN", "-Infinity", "1" * 5_000])
def test_a_schema_that_no_body_could_hold_is_text(value: str) -> None:
    text = f'{{"type": "object", "properties": {{"a": {json.dumps(SCHEMA)}}}, "x": {value}}}'
    request = asked({"type": "json_object"}, text)
    structure = request.sampling.structure
    assert structure is not None
    assert plain(structure.schema) == {"type": "object"}
    assert structure.fallback is None
    assert request.turns[0].text == text
    assert asked(json_schema(), text).turns[0].text == text


def test_a_schema_in_the_text_may_escape_its_characters() -> None:
    text = r'{"properties": {"mood": {"enum": ["\ud83d\ude00", "\u00e9"]}}}'
    structure = asked({"type": "json_object"}, text).sampling.structure
    assert structure is not None
    assert plain(structure.schema)["properties"] == {"mood": {"enum": ["😀", "é"]}}


@pytest.mark.parametrize(
    ("response_format", "error", "param"),
    [
        ({"type": "grammar"}, InvalidValue, "response_format"),
        ("json", InvalidValue, "response_format"),
        ({"type": "json_schema"}, MissingParameter, "response_format.json_schema"),
        (
            {"type": "json_schema", "json_schema": {"schema": SCHEMA}},
            MissingParameter,
            "response_format.json_schema.name",
        ),
        (json_schema([SCHEMA]), InvalidType, "response_format.json_schema.schema"),
        (
            json_schema({"properties": {"a": {"enum": ["x" * 70_000]}}}),
            TooLong,
            "response_format.json_schema.schema",
        ),
        (
            json_schema(json.loads('{"items":' * 70 + "{}" + "}" * 70)),
            InvalidValue,
            "response_format.json_schema.schema",
        ),
    ],
)
def test_what_is_no_form_is_refused(
    response_format: Any, error: type[Exception], param: str
) -> None:
    with pytest.raises(error) as refused:
        asked(response_format)
    assert refused.value.param == param  # type: ignore[attr-defined]
