"""A prompt that quotes a JSON Schema → the schema, and the prompt without it; pure.

Clients that ask for `json_object` write the schema into a message: instructor's JSON mode and
LangChain's output parsers do. The last schema counts: LangChain's first one is an example.
"""

import json
from typing import Any

from pydantic_core import from_json

MAX_SCHEMA_LENGTH = 32 * 1024
MAX_READ_CHARS = 4 * MAX_SCHEMA_LENGTH
ATTEMPT_CHARS = 256
"""Limit of characters that are read as JSON, counted anew for each brace at which it is tried, and
what each of these attempts costs besides."""

_DECODER = json.JSONDecoder(parse_int=str)
"""Finds where an object ends. Numbers stay text, as Python reads none of over 4,300 digits."""


def without_schemas(text: str) -> tuple[dict[str, Any] | None, str]:
    """Return the last JSON Schema of an object in the text, and the text without any such schema.

    If there is none, the schema is None and the text is unchanged.
    """
    schema, kept, position = None, [], 0
    read, brace = 0, text.find("{")
    while brace >= 0 and read < MAX_READ_CHARS:
        found, end, read_here = _object_at(text, brace)
        read += ATTEMPT_CHARS + read_here
        written = None if found is None else _schema(found, text[brace:end])
        if written is not None:
            schema = written
            kept.append(text[position:brace])
            position = end
        brace = text.find("{", end)
    return schema, "".join([*kept, text[position:]])


def _object_at(text: str, start: int) -> tuple[dict[str, Any] | None, int, int]:
    """Return the JSON object that begins at a brace, where to go on, and how much was read."""
    try:
        value, end = _DECODER.raw_decode(text[: start + MAX_SCHEMA_LENGTH], start)
    except json.JSONDecodeError as error:
        return None, start + 1, 1 + error.pos - start
    except RecursionError:
        return None, start + 1, MAX_SCHEMA_LENGTH
    return value, end, end - start


def _schema(found: dict[str, Any], text: str) -> dict[str, Any] | None:
    """Return the object in the text, if it is a schema.

    It is none if a request's body could not hold it: for NaN, for half of a surrogate pair, and for
    a number of over 4,300 digits.
    """
    if not _describes_object(found):
        return None
    try:
        schema: dict[str, Any] = from_json(text, allow_inf_nan=False, cache_strings=False)
    except ValueError:
        return None
    return schema


def _describes_object(value: dict[str, Any]) -> bool:
    properties = value.get("properties")
    return (
        isinstance(properties, dict)
        and all(isinstance(one, dict) for one in properties.values())
        and value.get("type", "object") == "object"
    )
