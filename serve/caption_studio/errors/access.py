"""A caller who may not come in, or not now."""

from caption_studio.errors.base import RequestError


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


class RateLimitExceeded(RequestError):
    """This key has used up its share for now."""

    status = 429
    code = "rate_limit_exceeded"
