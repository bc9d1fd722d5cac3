"""A caller's JSON Schema → the schema that the engine obeys; pure.

JSON that fits the result also fits the caller's schema: the result only narrows it. Not here:
whether the engine can compile it (structure.check).
"""

import json
from collections.abc import Iterator
from typing import Any

ANY_OBJECT = {"type": "object"}

_OF_SCHEMAS = ("$defs", "definitions", "properties", "patternProperties", "dependentSchemas")
"""Keywords with a map of schemas by name."""
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains")
_MERGING = ("allOf", "anyOf", "oneOf", "$ref")
"""Keywords whose schemas apply to the same object as the keywords beside them."""
_FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri")
)
"""The formats that llguidance 1.7 knows; by JSON Schema's rules the others are ignored."""

ENGINE_OPTIONS = "x-guidance"
"""The key under which llguidance reads options from a schema."""

LAYOUT = {"key_separator": ": ", "item_separator": ", ", "whitespace_flexible": False}
"""JSON as Python writes it by default. A blank and a quote are one token, with which captions begin
in the adapters' training, so the texts of an answer are captions: 200 of 200 name the picture's
subject, only 34 did without the blank (benchmarks/structured, caption-demo). If more white space
were allowed, a small model would write it for ever.
"""

_MAX_INTEGER = 2**53 - 1
"""The largest exact integer of a double, into which JavaScript reads numbers."""
_LEAST_DECIMAL = 1e-6


def engine_schema(schema: dict[str, Any]) -> str:
    """Return the schema as JSON text, its properties in their order.

    Formats that the engine does not check and engine options from the caller are removed. Then the
    schema is narrowed, because a small model would not come to an end otherwise: an object with
    `properties` has no others unless its schema allows them or schemas are merged, integers stay
    within a double, decimals are bounded where possible, and times have no fractions of a second.
    """
    copy = json.loads(json.dumps(schema))
    schemas = list(_schemas(copy))
    closable = not any(_merges(one) for one in schemas)
    for one in schemas:
        one.pop(ENGINE_OPTIONS, None)
        if one.get("format") not in (None, *_FORMATS):
            del one["format"]
        _bound_numbers(one)
        if one.get("format") in ("date-time", "time"):
            one.setdefault("pattern", "^[^.]*$")
        if closable and isinstance(one.get("properties"), dict):
            one.setdefault("additionalProperties", False)
    copy[ENGINE_OPTIONS] = LAYOUT
    return json.dumps(copy, ensure_ascii=False, separators=(",", ":"))


def _bound_numbers(schema: dict[str, Any]) -> None:
    """Narrow a schema of numbers to those with a bounded number of digits, where possible."""
    types = schema.get("type")
    types = types if isinstance(types, list) else [types]
    if "integer" in types:
        if "exclusiveMinimum" not in schema:
            schema.setdefault("minimum", -_MAX_INTEGER)
        if "exclusiveMaximum" not in schema:
            schema.setdefault("maximum", _MAX_INTEGER)
    elif "number" in types and "multipleOf" not in schema:
        least = schema.get("minimum", schema.get("exclusiveMinimum", -1))
        if isinstance(least, int | float) and least >= 0:  # else llguidance 1.7 takes no sign
            schema["multipleOf"] = _LEAST_DECIMAL
            if "exclusiveMaximum" not in schema:
                schema.setdefault("maximum", _MAX_INTEGER)


def depth(value: Any, limit: int) -> int:
    """Return the nesting depth of lists and objects in a JSON value, `limit` at most."""
    level, found = [value], 0
    while found < limit and (level := [v for v in level if isinstance(v, dict | list)]):
        level = [v for one in level for v in (one.values() if isinstance(one, dict) else one)]
        found += 1
    return found


def _schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema within one, itself first; values of `enum` and the like are no schemas."""
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, dict):
            continue
        yield one
        for name in _OF_SCHEMAS:
            if isinstance(one.get(name), dict):
                waiting += one[name].values()
        for name in _LISTS:
            if isinstance(one.get(name), list):
                waiting += one[name]
        waiting += [one[name] for name in _SINGLE if name in one]


def _merges(schema: dict[str, Any]) -> bool:
    """Whether an object here must fit several schemas, each with properties of its own."""
    several = sum(name in schema for name in (*_MERGING, "properties")) > 1
    all_of = schema.get("allOf")
    return several or (isinstance(all_of, list) and len(all_of) > 1)
