"""A JSON answer → the same, its captions held to the controls.

Only strings are changed that stand in a field named for a caption, whose schema asks for nothing
but a string: so the answer still fits its schema.
"""

import json
from typing import Any

from caption_studio.records import Controls, Kept
from caption_studio.voices.keeping.keep import keep

CAPTION_NAMES = ("caption", "post", "text")
"""A field is named for a caption if its name holds one of these."""

_FREE = frozenset(("type", "title", "description"))


def keep_json(text: str, controls: Controls, description: str, schema: str) -> Kept:
    """Return the answer with its captions kept.

    `held` tells for each control whether all captions in it hold; it is empty where there are none,
    or the answer was cut off.
    """
    held: dict[str, bool] = {}

    def walk(here: Any, schema_here: Any, name: str) -> Any:
        if not isinstance(schema_here, dict):
            return here
        if isinstance(here, dict):
            below = schema_here.get("properties") or {}
            return {key: walk(one, below.get(key), key) for key, one in here.items()}
        if isinstance(here, list):
            return [walk(one, schema_here.get("items"), name) for one in here]
        if not isinstance(here, str) or not _is_caption(name, schema_here):
            return here
        kept = keep(here, controls, description)
        for control, holds in kept.held.items():
            held[control] = held.get(control, True) and holds
        return kept.text

    try:
        value = json.loads(text)
        kept_value = walk(value, json.loads(schema), "")
        if kept_value == value:
            return Kept(text, held)
        return Kept(json.dumps(kept_value, ensure_ascii=False, allow_nan=False), held)
    except (ValueError, RecursionError):  # cut off, or nested too deeply
        return Kept(text)


def _is_caption(name: str, schema: dict[str, Any]) -> bool:
    named = any(one in name.lower() for one in CAPTION_NAMES)
    return named and schema.get("type") == "string" and _FREE.issuperset(schema)
