"""A request that is wrong before its content counts: its path, its method, its body as a whole."""

from caption_studio.errors.base import RequestError


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


class BodyTooLarge(RequestError):
    """The whole request body is over its cap."""

    status = 413
    code = "request_too_large"


class RangeNotSatisfiable(RequestError):
    """A file has no byte in the range that was asked for."""

    status = 416
    code = "range_not_satisfiable"


class UnsupportedMediaType(RequestError):
    """The body is not `application/json`, or it is compressed."""

    status = 415
    code = "unsupported_media_type"
