"""`response_format` of chat and `text.format` of responses → Structure.

Source: https://platform.openai.com/docs/guides/structured-outputs. Every schema is enforced, strict
or not. Not here: whether the engine can compile it (structure.check).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, Tag

from caption_studio.errors import InvalidValue, TooLong
from caption_studio.records import Structure, Turn
from caption_studio.structure.schema import ANY_OBJECT, depth, engine_schema
from caption_studio.wire.schema_in_text import without_schemas

MAX_SCHEMA_BYTES = 64 * 1024
MAX_SCHEMA_DEPTH = 64
"""Nested objects and lists in the schema: vLLM's own limit (vllm/sampling_params.py, 0.32.0)."""


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class TextFormat(_In):
    """Free text."""

    type: Literal["text"]


class JsonObjectFormat(_In):
    """Any JSON object; one that fits the JSON Schema in the messages' texts, if there is one."""

    type: Literal["json_object"]


class JsonSchema(_In):
    """A named JSON Schema. `strict` is accepted: the answer always fits."""

    name: str
    description: str | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    strict: StrictBool | None = None


class JsonSchemaFormat(_In):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


class FlatJsonSchemaFormat(JsonSchema):
    """`JsonSchemaFormat` as `POST /v1/responses` spells it."""

    type: Literal["json_schema"]


def _format_tag(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return f"@{kind}" if isinstance(kind, str) else None


_KIND = Discriminator(
    _format_tag,
    custom_error_type="format_type",
    custom_error_message=("Must be an object whose type is 'text', 'json_object' or 'json_schema'"),
)
ResponseFormat = Annotated[
    Annotated[TextFormat, Tag("@text")]
    | Annotated[JsonObjectFormat, Tag("@json_object")]
    | Annotated[JsonSchemaFormat, Tag("@json_schema")],
    _KIND,
]
ResponsesTextFormat = Annotated[
    Annotated[TextFormat, Tag("@text")]
    | Annotated[JsonObjectFormat, Tag("@json_object")]
    | Annotated[FlatJsonSchemaFormat, Tag("@json_schema")],
    _KIND,
]
Format = TextFormat | JsonObjectFormat | JsonSchemaFormat | FlatJsonSchemaFormat


def structure_of(
    asked: Format | None, turns: Sequence[Turn], *, param: str
) -> tuple[Structure | None, list[Turn]]:
    """Return the structure that was asked for, and the turns for the prompt.

    If the answer is JSON, a JSON Schema in the texts is left out of the prompt: the engine
    enforces the schema, and the model could not read it. Raises `InvalidValue` or `TooLong`.
    """
    if asked is None or isinstance(asked, TextFormat):
        return None, list(turns)
    written, kept = None, list(turns)
    for index, turn in enumerate(turns):
        if turn.role != "assistant":
            schema, text = without_schemas(turn.text)
            written = schema or written
            kept[index] = replace(turn, text=text)
    if isinstance(asked, JsonObjectFormat):
        return _any_object(written, param), kept
    if isinstance(asked, JsonSchemaFormat):
        named, param = asked.json_schema, f"{param}.json_schema.schema"
    else:
        named, param = asked, f"{param}.schema"
    return Structure(_checked(named.schema_ or ANY_OBJECT, param), param), kept


def _any_object(written: dict[str, Any] | None, param: str) -> Structure:
    """Return the structure of a JSON object, by the schema in the text if it can be used."""
    any_object = engine_schema(ANY_OBJECT)
    if written is None or depth(written, MAX_SCHEMA_DEPTH + 1) > MAX_SCHEMA_DEPTH:
        return Structure(any_object, param)
    return Structure(engine_schema(written), param, fallback=any_object)


def _checked(schema: dict[str, Any], param: str) -> str:
    if depth(schema, MAX_SCHEMA_DEPTH + 1) > MAX_SCHEMA_DEPTH:
        raise InvalidValue(
            f"The schema's objects and lists may nest {MAX_SCHEMA_DEPTH} deep at most.",
            param=param,
        )
    text = engine_schema(schema)
    if len(text.encode()) > MAX_SCHEMA_BYTES:
        raise TooLong(
            f"A schema may be at most {MAX_SCHEMA_BYTES} bytes long.",
            param=param,
            code="string_above_max_length",
        )
    return text
