"""Fifty JSON Schemas of the kinds that clients send, by name."""

from typing import Any

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
SHORT: Schema = {"type": "string", "maxLength": 60}
COLOUR: Schema = {"enum": ["red", "orange", "yellow", "green", "blue", "purple", "white", "black"]}


def closed(required: tuple[str, ...] | None = None, **properties: Schema) -> Schema:
    """Return the schema of an object; all properties are required unless given otherwise."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }


def array(items: Schema, least: int = 0, most: int = 3) -> Schema:
    """Return the schema of a bounded list."""
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


_BOX = closed(x={"type": "integer", "minimum": 0, "maximum": 64}, y={"type": "integer"})

CAPTIONS: dict[str, Schema] = {
    "caption": closed(caption=STRING),
    "description": closed(description=STRING),
    "caption and hashtags": closed(caption=STRING, hashtags=array(STRING)),
    "caption of bounded length": closed(caption=SHORT),
    "title, caption and mood": closed(
        title=SHORT, caption=STRING, mood={"enum": ["happy", "calm", "sad"]}
    ),
    "alt_text": closed(alt_text={"type": "string", "maxLength": 125}),
    "nested post": closed(post=closed(caption=STRING, tags=array(SHORT, 1, 2))),
    "captions in a list": closed(captions=array(closed(caption=SHORT), 2, 2)),
    "optional alt_text": closed(("caption",), caption=STRING, alt_text=STRING),
    "open object": {"type": "object", "properties": {"caption": STRING}, "required": ["caption"]},
}
"""Schemas with a text about the picture."""

SHAPES: dict[str, Schema] = {
    "boolean": closed(outdoors={"type": "boolean"}),
    "null": closed(nothing={"type": "null"}),
    "integer": closed(count={"type": "integer", "minimum": 0, "maximum": 10}),
    "negative integer": closed(depth={"type": "integer", "minimum": -50, "maximum": -1}),
    "exclusive bounds": closed(n={"type": "integer", "exclusiveMinimum": 0, "maximum": 100}),
    "number": closed(score={"type": "number", "minimum": 0, "maximum": 1}),
    "enum": closed(colour=COLOUR),
    "enum of several types": closed(value={"enum": ["a", 1, None, True]}),
    "const": closed(kind={"const": "picture"}, colour=COLOUR),
    "large enum": closed(code={"enum": [f"code-{i:03d}" for i in range(400)]}),
    "nullable": closed(place={"type": ["string", "null"], "maxLength": 20}),
    "anyOf": closed(value={"anyOf": [{"type": "integer", "maximum": 99}, COLOUR]}),
    "optional by anyOf": closed(value={"anyOf": [SHORT, {"type": "null"}], "default": None}),
    "discriminated oneOf": closed(
        thing={
            "oneOf": [
                closed(kind={"const": "animal"}, legs={"enum": [0, 2, 4]}),
                closed(kind={"const": "vehicle"}, wheels={"enum": [2, 4]}),
            ]
        }
    ),
    "oneOf of types": closed(value={"oneOf": [SHORT, {"type": "boolean"}]}),
    "allOf of one": closed(box={"allOf": [_BOX]}),
    "allOf of bounds": closed(n={"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 9}]}),
    "array of integers": closed(sizes=array({"type": "integer", "minimum": 0, "maximum": 9}, 3, 3)),
    "array of arrays": closed(grid=array(array({"enum": [0, 1]}, 2, 2), 2, 2)),
    "array of objects": closed(boxes=array(_BOX, 1, 2)),
    "tuple": closed(
        pair={
            "type": "array",
            "prefixItems": [COLOUR, {"type": "boolean"}],
            "items": False,
            "minItems": 2,
        }
    ),
    "empty list": closed(nothing=array(STRING, 0, 0)),
    "nested objects": closed(a=closed(b=closed(c=closed(d={"type": "boolean"})))),
    "map": closed(counts={"type": "object", "additionalProperties": {"enum": [1, 2]}}),
    "empty object": {"type": "object", "properties": {}, "additionalProperties": False},
    "$defs": {**closed(first=_ref("box"), second=_ref("box")), "$defs": {"box": _BOX}},
    "definitions": {
        **closed(box={"$ref": "#/definitions/box"}),
        "definitions": {"box": _BOX},
        "$schema": "http://json-schema.org/draft-07/schema#",
    },
    "tree": {
        **closed(tree=_ref("node")),
        "$defs": {"node": closed(name=COLOUR, children=array(_ref("node"), 0, 1))},
    },
    "pattern": closed(code={"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"}),
    "pattern and length": closed(word={"type": "string", "pattern": "^[a-z]+$", "maxLength": 8}),
    "bounded string": closed(word={"type": "string", "minLength": 3, "maxLength": 12}),
    "date": closed(day={"type": "string", "format": "date"}),
    "date-time": closed(at={"type": "string", "format": "date-time"}),
    "uuid": closed(id={"type": "string", "format": "uuid"}),
    "e-mail": closed(address={"type": "string", "format": "email", "maxLength": 30}),
    "unknown format": closed(word={"type": "string", "format": "password", "maxLength": 12}),
    "unicode and escapes": {
        "type": "object",
        "properties": {"été": COLOUR, 'a "quoted" name': COLOUR, "back\\slash": COLOUR},
        "required": ["été", 'a "quoted" name', "back\\slash"],
        "additionalProperties": False,
    },
    "annotations": {
        **closed(
            colour={**COLOUR, "title": "Colour", "description": "The colour.", "examples": ["red"]}
        ),
        "title": "Answer",
        "description": "What is seen.",
    },
    "root list": array(COLOUR, 1, 3),
    "root enum": {"enum": ["yes", "no"]},
}
"""Schemas without such a text."""

SCHEMAS = CAPTIONS | SHAPES
