"""What is wrong with a field → one sentence of ours.

Source of the types of errors: https://docs.pydantic.dev/latest/errors/validation_errors/
"""

from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

OURS = frozenset(("part_type", "message_role", "format_type", "item_type", "not_supported"))
"""Errors whose text our own models give."""

_KINDS: Mapping[str, str] = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "finite_number": "a finite number",
    "none_required": "null",
}

_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("more than {}", "gt"),
    "greater_than_equal": ("at least {}", "ge"),
    "less_than": ("less than {}", "lt"),
    "less_than_equal": ("at most {}", "le"),
    "multiple_of": ("a multiple of {}", "multiple_of"),
    "literal_error": ("{}", "expected"),
}

_LENGTHS: Mapping[str, tuple[str, str]] = {
    "too_short": ("at least {} items", "min_length"),
    "too_long": ("at most {} items", "max_length"),
    "string_too_short": ("at least {} characters", "min_length"),
    "string_too_long": ("at most {} characters", "max_length"),
}


def sentence(field: str, details: ErrorDetails) -> str:
    """Return what `field`, as callers write its path, must be; with one full stop."""
    kind, context = details["type"], details.get("ctx", {})
    if kind in OURS:
        return _ended(f"{field} {_begun(details['msg'])}")
    if kind in _KINDS:
        return f"{field} must be {_KINDS[kind]}."
    for table, verb in ((_BOUNDS, "be"), (_LENGTHS, "have")):
        if kind in table:
            text, name = table[kind]
            return f"{field} must {verb} {text.format(_number(context, name))}."
    return f"{field} has not the form that it must have."


def _number(context: Mapping[str, Any], name: str) -> Any:
    value = context.get(name)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _begun(text: str) -> str:
    return text[:1].lower() + text[1:]


def _ended(text: str) -> str:
    return f"{text.rstrip('.')}."
