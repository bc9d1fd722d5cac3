"""The base of all errors, and its two halves: whether the client can fix it."""

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


class ServiceError(CaptionStudioError):
    """The request was good and we could not serve it."""
