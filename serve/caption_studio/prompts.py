"""A request, and what was seen of its pictures → the prompt that the captioner continues; pure."""

from caption_studio.language.prompt import CHAT_STOP, chat_prompt
from caption_studio.records import (
    Adapter,
    AnswerForm,
    CaptionRequest,
    Description,
    Prompt,
    PromptText,
    Voice,
)
from caption_studio.voices.prompt import caption_prompt, caption_stop


def picture_prompt(
    request: CaptionRequest, description: Description, voice: Voice, adapter: Adapter | None
) -> Prompt:
    """Return the prompt for the caption of a picture, or for its JSON."""
    text = caption_prompt(voice, description, request.turns, request.controls)
    if request.sampling.structure is not None:
        return _prompt(request, text, adapter, "verbatim")
    answer: AnswerForm = "quoted" if voice.cut == "quoted" else "trimmed"
    return _prompt(request, text, adapter, answer, caption_stop(voice))


def text_prompt(request: CaptionRequest, adapter: Adapter | None) -> Prompt:
    """Return the prompt to continue: a conversation, or text as it is."""
    if request.endpoint == "completion":
        return _prompt(request, request.prompts[0], adapter, "verbatim")
    answer: AnswerForm = "verbatim" if request.sampling.structure else "trimmed"
    return _prompt(request, chat_prompt(request.turns), adapter, answer, CHAT_STOP)


def _prompt(
    request: CaptionRequest,
    text: PromptText,
    adapter: Adapter | None,
    answer: AnswerForm,
    stop: tuple[str, ...] = (),
) -> Prompt:
    if request.sampling.ignore_eos:
        answer, stop = "trimmed" if answer == "trimmed" else "verbatim", ()
    return Prompt(
        request.request_id,
        request.model,
        text,
        request.sampling,
        answer,
        stop,
        adapter,
        request.traceparent,
        request.request_class,
    )
