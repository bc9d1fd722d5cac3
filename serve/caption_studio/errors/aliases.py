"""An alias that is not valid or cannot be changed, and a model that an alias still names."""

from caption_studio.errors.base import RequestError


class InvalidAlias(RequestError):
    """The alias names no model, another alias or a model twice, or there are too many aliases."""

    code = "invalid_alias"


class AliasExists(RequestError):
    """An alias has this id already."""

    status = 409
    code = "alias_exists"


class AliasIsConfigured(RequestError):
    """The alias is as the settings say: there is nothing to remove at run time."""

    status = 409
    code = "alias_is_configured"


class ModelInUse(RequestError):
    """Aliases name this model: they must be changed or removed first."""

    status = 409
    code = "model_in_use"
