"""A request's body → the name of the person who asks, so that an alias answers each the same."""

from collections.abc import Mapping
from typing import Any

CALLER_FIELDS = ("user", "safety_identifier", "prompt_cache_key")
"""The first of them that holds a text counts. OpenAI replaced `user` by the two others."""


def caller_of(body: Mapping[str, Any]) -> str | None:
    """Return the caller's name for its user, None if the body has none."""
    values = (body.get(field) for field in CALLER_FIELDS)
    return next((value for value in values if isinstance(value, str) and value), None)
