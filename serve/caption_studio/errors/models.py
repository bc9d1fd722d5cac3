"""A model or an adapter that is unknown, does not fit or cannot be changed."""

from caption_studio.errors.base import RequestError, ServiceError


class InvalidAdapter(RequestError):
    """The adapter does not fit or is none: it would write the base model's text or nonsense."""

    code = "invalid_adapter"


class ModelNotFound(RequestError):
    """No base model and no adapter has this id."""

    status = 404
    code = "model_not_found"


class AdapterExists(RequestError):
    """A model with this id is there already."""

    status = 409
    code = "adapter_exists"


class AdapterIsConfigured(RequestError):
    """The adapter stands in the settings: it cannot be removed at run time."""

    status = 409
    code = "adapter_is_configured"


class AdapterUnavailable(ServiceError):
    """The adapter is known, but its files are unavailable or unusable for now."""

    status = 503
    code = "adapter_unavailable"
