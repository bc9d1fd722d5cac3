"""JSON → a validated request model, or the error that names the field at fault.

Not here: what the fields are (wire.schema), what they mean for us (wire.parse).
"""

from collections.abc import Sequence
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

Request = TypeVar("Request", bound=BaseModel)


def validate(model: type[Request], value: dict[str, Any]) -> Request:
    """Return `value` as a `model`. Raises the `RequestError` that names the first bad field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        _refuse(error.errors(include_url=False, include_input=False)[0])


def json_object(body: bytes) -> dict[str, Any]:
    """Return the one JSON object that `body` is. Raises `MalformedJSON`."""
    try:
        # Unlike json.loads: bounded depth, no lone surrogates, UTF-8 only.
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise MalformedJSON("We could not parse the JSON body of your request.") from error
    if not isinstance(value, dict):
        raise MalformedJSON("The body of your request must be one JSON object.")
    return value


def _refuse(details: ErrorDetails) -> NoReturn:
    """Raise the error that stands for pydantic's.

    Source of its type names: https://docs.pydantic.dev/latest/errors/validation_errors/
    """
    param = _param(details["loc"])
    kind = details["type"]
    message = f"Invalid {param or 'body'}: {details['msg']}."
    error, code = _ERRORS.get(kind, (InvalidType if kind.endswith("_type") else InvalidValue, None))
    if error is UnknownParameter:
        message = f"Unrecognized request argument supplied: {param}."
    elif error is MissingParameter:
        message = f"Missing required parameter: {param}."
    elif error in (BelowMinimum, AboveMaximum) and _is_fractional(details):
        code = code.replace("integer", "decimal") if code else None
    raise error(message, param=param or None, code=code)


_ERRORS: dict[str, tuple[type[RequestError], str | None]] = {
    "missing": (MissingParameter, None),
    "extra_forbidden": (UnknownParameter, None),
    "part_type": (InvalidValue, None),
    "message_role": (InvalidValue, None),
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
        elif not step.startswith("@"):
            path += f".{step}" if path else step
    return path
