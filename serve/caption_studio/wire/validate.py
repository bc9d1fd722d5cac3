"""JSON → a validated request model, or the error that names the field at fault.

Not here: the fields' types (wire.schema), their meaning for us (wire.parse).
"""

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from caption_studio.errors import (
    AboveMaximum,
    BelowMinimum,
    InvalidType,
    InvalidValue,
    MalformedJSON,
    MissingParameter,
    RequestError,
    TooLong,
    UnknownParameter,
)
from caption_studio.wire.bounds import too_much_text
from caption_studio.wire.json_body import JSONBody, read_whole
from caption_studio.wire.json_strings import malformed
from caption_studio.wire.passed_over import DEFAULTS
from caption_studio.wire.wording import sentence

Request = TypeVar("Request", bound=BaseModel)

MAX_MEMBERS = 512
"""Limit for one object: more than `logit_bias` may have, or any other field has."""

PICTURE_FIELDS = frozenset({"image", "image_url", "url", "model"})
"""Fields that may hold a data URL, in all endpoints; in `model` it fails later, as unknown."""

MAX_PARAM_CHARS = 256
"""Limit of a field's name in an error: callers choose the names of unknown fields."""


def validate(model: type[Request], value: dict[str, Any]) -> Request:
    """Return `value` as a `model`. Raises the `RequestError` that names the first bad field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        _refuse(error.errors(include_url=False, include_input=False)[0])


def json_object(body: bytes | JSONBody) -> dict[str, Any]:
    """Return the one JSON object in `body`.

    Raises `MalformedJSON`, or `TooLong` if it holds more than any request may.
    """
    if isinstance(body, bytes):
        body = read_whole(body)
    try:
        # Unlike json.loads: bounded depth, no lone surrogates, UTF-8 only. Strings that it cached
        # (16,384 of them) would be callers' texts, and memory that grows for hours.
        value = from_json(body.outline, allow_inf_nan=False, cache_strings=False)
    except ValueError as error:
        raise malformed() from error
    if not isinstance(value, dict):
        raise MalformedJSON("The body of your request must be one JSON object.")
    if body.long_strings:
        _restore(value, body)
    if body.commas >= MAX_MEMBERS:
        _check_members(value)
    return value


def _restore(value: Any, body: JSONBody) -> None:
    """Put the long strings back in place of their marks; the longest only into picture fields."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while waiting:
        location, container = waiting.pop()
        if isinstance(container, dict) and not body.long_strings.keys().isdisjoint(container):
            raise TooLong("A field's name is too long.", code="string_above_max_length")
        for key, item in _members(container):
            here = (*location, key)
            if isinstance(item, dict | list):
                waiting.append((here, item))
            elif isinstance(item, str) and item in body.long_strings:
                container[key] = text = body.long_strings[item]
                if len(text) > body.text_chars and key not in PICTURE_FIELDS:
                    raise too_much_text(body.text_chars, _param(here))


def _check_members(value: Any) -> None:
    """Refuse an object of more than `MAX_MEMBERS` fields: each could be an error of its own."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while waiting:
        location, container = waiting.pop()
        if isinstance(container, dict) and len(container) > MAX_MEMBERS:
            raise TooLong(
                f"An object may have at most {MAX_MEMBERS} fields.", param=_param(location) or None
            )
        waiting += [
            ((*location, key), item)
            for key, item in _members(container)
            if isinstance(item, dict | list)
        ]


def _members(container: Any) -> Iterable[tuple[Any, Any]]:
    return container.items() if isinstance(container, dict) else enumerate(container)


def _refuse(details: ErrorDetails) -> NoReturn:
    """Raise our error for pydantic's."""
    param = _param(details["loc"])
    kind = details["type"]
    message = sentence(param or "The body", details)
    error, code = _ERRORS.get(kind, (InvalidType if kind.endswith("_type") else InvalidValue, None))
    if error is UnknownParameter:
        message = f"Unrecognized request argument supplied: {param}."
        if param in DEFAULTS:
            message = f"{param} may only be left out here, or left at its default."
    elif error is MissingParameter:
        message = f"Missing required parameter: {param}."
    elif error in (BelowMinimum, AboveMaximum) and _is_fractional(details):
        code = code.replace("integer", "decimal") if code else None
    raise error(message, param=param or None, code=code)


_ERRORS: dict[str, tuple[type[RequestError], str | None]] = {
    "missing": (MissingParameter, None),
    "extra_forbidden": (UnknownParameter, None),
    "part_type": (InvalidValue, None),
    "format_type": (InvalidValue, None),
    "item_type": (InvalidValue, None),
    "message_role": (InvalidValue, None),
    "not_supported": (InvalidValue, None),
    "int_from_float": (InvalidType, None),
    "greater_than": (BelowMinimum, "integer_below_min_value"),
    "greater_than_equal": (BelowMinimum, "integer_below_min_value"),
    "less_than": (AboveMaximum, "integer_above_max_value"),
    "less_than_equal": (AboveMaximum, "integer_above_max_value"),
    "too_short": (BelowMinimum, "array_below_min_length"),
    "too_long": (TooLong, "array_above_max_length"),
    "string_too_short": (BelowMinimum, "string_below_min_length"),
    "string_too_long": (TooLong, "string_above_max_length"),
}


def _is_fractional(details: ErrorDetails) -> bool:
    return any(isinstance(bound, float) for bound in details.get("ctx", {}).values())


def _param(location: Sequence[str | int]) -> str:
    """Return the path as callers write it: `messages[0].content[1].image_url.url`."""
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step != "[key]" and not step.startswith("@"):
            path += f".{step}" if path else step
    return path if len(path) <= MAX_PARAM_CHARS else f"{path[:MAX_PARAM_CHARS]}…"
