"""A voice that is not valid or cannot be changed, and what a guard refuses."""

from caption_studio.errors.base import RequestError, ServiceError


class InvalidVoice(RequestError):
    """The voice's template or adapter is not usable, or there are too many voices."""

    code = "invalid_voice"


class ContentFlagged(RequestError):
    """A guard flagged the picture's description or a caption, and the voice refuses such.

    The tokens were generated all the same, and count.
    """

    code = "content_policy_violation"
    prompt_tokens = 0
    completion_tokens = 0


class VoiceExists(RequestError):
    """A model with this id is there already."""

    status = 409
    code = "voice_exists"


class VoiceIsConfigured(RequestError):
    """The voice stands in the settings: it cannot be removed at run time."""

    status = 409
    code = "voice_is_configured"


class AdapterInUse(RequestError):
    """Voices write with this adapter: they must be removed first."""

    status = 409
    code = "adapter_in_use"


class ModerationUnavailable(ServiceError):
    """The moderation endpoint did not say whether a caption may be shown."""

    status = 503
    code = "moderation_unavailable"
