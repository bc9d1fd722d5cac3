"""pydantic's error in a field → one sentence of ours.

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
    "too_short": ("at least {} item", "min_length"),
    "too_long": ("at most {} item", "max_length"),
    "string_too_short": ("at least {} character", "min_length"),
    "string_too_long": ("at most {} character", "max_length"),
}
"""In the singular; the plural gets an s."""

_SEVERAL_TYPES: Mapping[str, str] = {
    "content": "a string or a list of parts",
    "input": "a string or a list of items",
    "output": "a string or a list of parts",
    "prompt": "a string, a list of strings, token ids or a list of those",
    "stop": "a string or a list of strings",
}
"""Fields that take more than one type: naming one of them would mislead."""


def sentence(field: str, details: ErrorDetails) -> str:
    """Return the sentence for `field`, its path as callers write it; with one full stop."""
    kind, context = details["type"], details.get("ctx", {})
    if kind in OURS:
        return _ended(f"{field} {_begun(details['msg'])}")
    if kind in _KINDS:
        kinds = _SEVERAL_TYPES.get(field.rpartition(".")[2], _KINDS[kind])
        return f"{field} must be {kinds}."
    if kind in _BOUNDS:
        text, name = _BOUNDS[kind]
        return f"{field} must be {text.format(_number(context, name))}."
    if kind in _LENGTHS:
        text, name = _LENGTHS[kind]
        number = _number(context, name)
        return f"{field} must have {text.format(number)}{'' if number == 1 else 's'}."
    return f"{field} has not the form that it must have."


def _number(context: Mapping[str, Any], name: str) -> Any:
    value = context.get(name)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _begun(text: str) -> str:
    return text[:1].lower() + text[1:]


def _ended(text: str) -> str:
    return f"{text.rstrip('.')}."
