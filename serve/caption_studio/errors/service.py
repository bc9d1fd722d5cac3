"""A good request that could not be served."""

from caption_studio.errors.base import ServiceError


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


class DeadlineExceeded(ServiceError):
    """The answer was not there in time."""

    status = 504
    code = "deadline_exceeded"


class EngineFailure(ServiceError):
    """A model failed on a request that it should have served."""

    code = "engine_failure"
