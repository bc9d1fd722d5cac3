"""A request and its voice → the request with all that it leaves to the voice."""

from dataclasses import replace

from caption_studio.errors import InvalidValue
from caption_studio.records import CaptionRequest, Controls, Sampling, Voice
from caption_studio.voices.asked_again import refused
from caption_studio.voices.platforms import PLATFORMS


def with_defaults(request: CaptionRequest, voice: Voice) -> CaptionRequest:
    """Return a request for captions, complete.

    Raises `InvalidValue` for a control that nothing can keep to in this voice.
    """
    given = {name: getattr(request.controls, name) for name in request.controls.given}
    controls = replace(voice.controls, **given)
    if controls.platform not in (None, *PLATFORMS):
        raise InvalidValue(
            f"caption_studio.platform must be one of {', '.join(PLATFORMS)}.",
            param="caption_studio.platform",
        )
    if (name := refused(controls, voice.trained)) is not None:
        raise InvalidValue(
            f"The voice {voice.id!r} was not trained for {name}, and no text can be cut to it.",
            param=f"caption_studio.{name}",
        )
    if request.sampling.top_logprobs is not None and holds_back(voice, controls):
        raise InvalidValue(
            "Log probabilities are those of the model's own text, which controls or checks change.",
            param="logprobs",
        )
    return replace(request, controls=controls, sampling=_sampling(request, voice))


def holds_back(voice: Voice, controls: Controls) -> bool:
    """Return whether a caption can be shown only when it is whole."""
    return bool(controls.given) or voice.faithful or voice.on_flag != "mark"


def _sampling(request: CaptionRequest, voice: Voice) -> Sampling:
    chosen = {name: getattr(voice, name) for name in request.defaulted}
    changes = {name: value for name, value in chosen.items() if value is not None}
    if "max_tokens" in changes:
        changes["max_tokens"] = max(changes["max_tokens"], request.sampling.min_tokens)
    return replace(request.sampling, **changes)


def refuse_controls(controls: Controls) -> None:
    """Refuse controls beside a text without a picture. Raises `InvalidValue`."""
    if controls.given:
        raise InvalidValue(
            "These are wishes for a picture's caption, and the request has no picture.",
            param=f"caption_studio.{controls.given[0]}",
        )
