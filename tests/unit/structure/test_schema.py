"""A caller's schema as the engine gets it."""

import json
from typing import Any

import pytest

from caption_studio.structure.schema import ENGINE_OPTIONS, LAYOUT, depth, engine_schema


def made(schema: dict[str, Any]) -> Any:
    """Return what the schema becomes, but for the layout that each gets."""
    result = json.loads(engine_schema(schema))
    assert result.pop(ENGINE_OPTIONS) == LAYOUT
    return result


def test_an_object_with_properties_is_closed_unless_it_says_otherwise() -> None:
    inner = {"properties": {"b": {"type": "string"}}}
    schema = made({"properties": {"a": {"items": inner}}, "$defs": {"d": inner}})
    assert schema["additionalProperties"] is False
    assert schema["properties"]["a"]["items"]["additionalProperties"] is False
    assert schema["$defs"]["d"]["additionalProperties"] is False
    for given in (True, {"type": "string"}):
        open_ = {"properties": {}, "additionalProperties": given}
        assert made(open_) == open_


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}]},
        {"properties": {"a": {}}, "anyOf": [{"properties": {"b": {}}}]},
        {"$ref": "#/$defs/d", "properties": {"a": {}}, "$defs": {"d": {"properties": {"b": {}}}}},
    ],
)
def test_objects_that_several_schemas_speak_of_stay_open(schema: dict[str, Any]) -> None:
    assert made(schema) == schema


def test_a_format_that_nobody_checks_is_left_out_and_a_property_of_that_name_stays() -> None:
    schema = {
        "properties": {
            "format": {"type": "string", "format": "password"},
            "when": {"type": "string", "format": "date"},
        },
        "additionalProperties": False,
    }
    properties = made(schema)["properties"]
    assert properties["format"] == {"type": "string"}
    assert properties["when"] == {"type": "string", "format": "date"}


def test_values_are_no_schemas_and_the_callers_object_stays_as_it_was() -> None:
    schema = {"enum": [{"format": "x", "properties": {"a": 1}}], "default": {"properties": {}}}
    assert made(schema) == schema
    given = {"properties": {"a": {"format": "x"}}}
    engine_schema(given)
    assert given == {"properties": {"a": {"format": "x"}}}


def test_properties_keep_their_order() -> None:
    schema = {"properties": {name: {} for name in "zebra"}}
    assert list(made(schema)["properties"]) == list("zebra")


def test_depth_counts_objects_and_lists() -> None:
    assert depth("x", 9) == 0
    assert depth({"a": [1, {"b": 2}]}, 9) == 3
    deep: Any = {}
    for _ in range(50_000):
        deep = [deep]
    assert depth(deep, 9) == 9


def test_options_of_the_engine_are_the_services() -> None:
    schema = {"x-guidance": {"whitespace_flexible": True}, "items": {"x-guidance": {}}}
    assert made(schema) == {"items": {}}


@pytest.mark.parametrize(
    ("schema", "narrowed"),
    [
        ({"type": "integer"}, {"minimum": -(2**53) + 1, "maximum": 2**53 - 1}),
        ({"type": ["integer", "null"], "maximum": 5}, {"minimum": -(2**53) + 1}),
        ({"type": "integer", "exclusiveMinimum": 0}, {"maximum": 2**53 - 1}),
        ({"type": "number", "minimum": 0, "maximum": 1}, {"multipleOf": 1e-6}),
        ({"type": "number", "minimum": 0, "multipleOf": 2}, {}),
        ({"type": "number"}, {}),
        ({"type": "string", "format": "date-time"}, {"pattern": "^[^.]*$"}),
        ({"type": "string", "format": "date"}, {}),
    ],
)
def test_numbers_and_times_end(schema: dict[str, Any], narrowed: dict[str, Any]) -> None:
    assert made(schema) == {**schema, **narrowed}
