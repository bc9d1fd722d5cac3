"""One exception tree; each class is one row of the table status, type, code.

    CaptionStudioError
    ├── RequestError                      400  the client can fix it
    │   ├── MalformedJSON / MalformedForm
    │   ├── InvalidType / InvalidValue / MissingParameter / UnknownParameter
    │   ├── BelowMinimum / AboveMaximum / TooLong    the code names the type
    │   ├── ContextLengthExceeded
    │   ├── ImageError
    │   │   ├── InvalidImageURL
    │   │   ├── InvalidImageFormat
    │   │   ├── ImageParseError
    │   │   └── ImageTooLarge
    │   ├── InvalidAdapter
    │   ├── InvalidAPIKey                 401
    │   ├── ForbiddenHost / ForbiddenOrigin    403
    │   ├── ModelNotFound                 404
    │   ├── RouteNotFound                 404
    │   ├── MethodNotAllowed              405
    │   ├── UploadTimeout                 408
    │   ├── AdapterExists / AdapterIsConfigured    409
    │   ├── BodyTooLarge                  413
    │   ├── UnsupportedMediaType          415
    │   └── RateLimitExceeded             429
    └── ServiceError                      500  the client cannot fix it
        ├── Overloaded                    429
        ├── NotReady                      503
        │   └── EngineDied                     a stage's engine died or hangs
        ├── AdapterUnavailable            503
        ├── DeadlineExceeded              504
        └── EngineFailure                 500

The message of every class is public text: it never holds a path, an address, a
traceback or the text of an exception that we did not write. Error codes are those of
the OpenAI API where it has one (https://platform.openai.com/docs/guides/error-codes).
"""

from typing import Any, ClassVar

RETRY_AFTER_S = 1
"""Retry-After for clients that should retry soon."""

MAX_RETRY_AFTER_S = 60
"""Upper bound of Retry-After: the official clients wait no longer than that for a retry."""


class CaptionStudioError(Exception):
    """A failure with a public answer.

    `param` is the path of the field at fault (`messages[0].content[1].image_url.url`),
    None where no field is. `retry_after_s` becomes the `Retry-After` header.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: str | None = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        if code is not None:
            self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        # The default pickles positional arguments only, and this tree crosses processes.
        return _rebuild, (type(self), self.message, self.param, self.code, self.retry_after_s)


def _rebuild(
    cls: type[CaptionStudioError],
    message: str,
    param: str | None,
    code: str | None,
    retry_after_s: int | None,
) -> CaptionStudioError:
    return cls(message, param=param, code=code, retry_after_s=retry_after_s)


class RequestError(CaptionStudioError):
    """The request cannot be served as it is; sending it again gives the same answer."""

    status = 400
    type = "invalid_request_error"
    code: str | None = None


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


class ImageError(RequestError):
    """A picture that cannot be captioned."""

    code = "image_parse_error"


class InvalidImageURL(ImageError):
    """The reference is refused, or its target cannot be fetched."""

    code = "invalid_image_url"


class InvalidImageFormat(ImageError):
    """The bytes are in none of the supported formats."""

    code = "invalid_image_format"


class ImageParseError(ImageError):
    """The bytes claim a supported format, but are truncated or corrupt."""

    code = "image_parse_error"


class ImageTooLarge(ImageError):
    """Too many bytes or too many pixels."""

    code = "image_too_large"


class InvalidAdapter(RequestError):
    """The adapter does not fit or is none: it would write the base model's text or nonsense."""

    code = "invalid_adapter"


class InvalidAPIKey(RequestError):
    """No key, or a wrong one."""

    status = 401
    code = "invalid_api_key"


class ForbiddenHost(RequestError):
    """The request names a host that is not this machine: a web page may have made it up."""

    status = 403
    code = "forbidden_host"


class ForbiddenOrigin(RequestError):
    """A web page of another site made a browser send the request."""

    status = 403
    code = "forbidden_origin"


class ModelNotFound(RequestError):
    """No base model and no adapter has this id."""

    status = 404
    code = "model_not_found"


class RouteNotFound(RequestError):
    """No such path."""

    status = 404
    code = "not_found"


class MethodNotAllowed(RequestError):
    """The path exists, but not with this method."""

    status = 405
    code = "method_not_allowed"


class UploadTimeout(RequestError):
    """The body did not arrive in time."""

    status = 408
    code = "request_timeout"


class AdapterExists(RequestError):
    """A model with this id is there already."""

    status = 409
    code = "adapter_exists"


class AdapterIsConfigured(RequestError):
    """The adapter stands in the settings: it cannot be removed at run time."""

    status = 409
    code = "adapter_is_configured"


class BodyTooLarge(RequestError):
    """The whole request body is over its cap."""

    status = 413
    code = "request_too_large"


class UnsupportedMediaType(RequestError):
    """The body is not `application/json`, or it is compressed."""

    status = 415
    code = "unsupported_media_type"


class RateLimitExceeded(RequestError):
    """This key has used up its share for now."""

    status = 429
    code = "rate_limit_exceeded"


class ServiceError(CaptionStudioError):
    """The request was good and we could not serve it."""


class Overloaded(ServiceError):
    """Every place in the queue is taken; the same request may succeed later."""

    status = 429
    code = "overloaded"


class NotReady(ServiceError):
    """A stage is starting or being replaced."""

    status = 503
    code = "not_ready"


class EngineDied(NotReady):
    """The engine behind a stage has died or hangs, so its replica is unusable."""


class AdapterUnavailable(ServiceError):
    """The adapter is known, but its files are unavailable or unusable for now."""

    status = 503
    code = "adapter_unavailable"


class DeadlineExceeded(ServiceError):
    """The answer was not there in time."""

    status = 504
    code = "deadline_exceeded"


class EngineFailure(ServiceError):
    """A model failed on a request that it should have served."""

    code = "engine_failure"
