"""A request whose content is wrong: it cannot be read, or a field has no good value."""

from caption_studio.errors.base import RequestError


class MalformedJSON(RequestError):
    """The body is not one JSON object that we can read."""


class MalformedForm(RequestError):
    """The body is not multipart form data that we can read."""


class InvalidType(RequestError):
    """A field has another JSON type than it must have."""

    code = "invalid_type"


class InvalidValue(RequestError):
    """A field has the right type and a value it may not have."""

    code = "invalid_value"


class MissingParameter(RequestError):
    """A required field is absent."""

    code = "missing_required_parameter"


class UnknownParameter(RequestError):
    """A field that this service does not know or does not pass on."""

    code = "unknown_parameter"


class BelowMinimum(RequestError):
    """A number or a list lies under its lower bound."""

    code = "integer_below_min_value"


class AboveMaximum(RequestError):
    """A number lies over its upper bound."""

    code = "integer_above_max_value"


class TooLong(RequestError):
    """A list or a string is longer than it may be."""

    code = "array_above_max_length"


class ContextLengthExceeded(RequestError):
    """Prompt and answer together do not fit the model's context."""

    code = "context_length_exceeded"
