"""A prompt that quotes a JSON Schema → the schema, and the prompt without it; pure.

Clients that ask for `json_object` write the schema into a message: instructor's JSON mode and
LangChain's output parsers do. The last one counts: LangChain begins with one for example.
"""

import json
from typing import Any

MAX_SCHEMA_LENGTH = 32 * 1024
MAX_ATTEMPTS = 64
"""Braces at which a JSON object is looked for: each may cost a walk through the text."""

_DECODER = json.JSONDecoder()


def without_schemas(text: str) -> tuple[dict[str, Any] | None, str]:
    """Return the last JSON Schema of an object that stands in the text, and the text without any.

    The schema is None, and the text as it was, where there is none.
    """
    schema, kept, position = None, [], 0
    attempts, brace = 0, text.find("{")
    while brace >= 0 and attempts < MAX_ATTEMPTS:
        attempts += 1
        found, end = _object_at(text, brace)
        if found is not None and _describes_object(found):
            schema = found
            kept.append(text[position:brace])
            position = end
        brace = text.find("{", end)
    return schema, "".join([*kept, text[position:]])


def _object_at(text: str, start: int) -> tuple[dict[str, Any] | None, int]:
    """Return the JSON object that begins at a brace, and where the search goes on."""
    try:
        value, end = _DECODER.raw_decode(text[: start + MAX_SCHEMA_LENGTH], start)
    except (ValueError, RecursionError):
        return None, start + 1
    return value, end


def _describes_object(value: dict[str, Any]) -> bool:
    properties = value.get("properties")
    return (
        isinstance(properties, dict)
        and all(isinstance(one, dict) for one in properties.values())
        and value.get("type", "object") == "object"
    )
