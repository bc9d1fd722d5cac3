"""HTTP body → CaptionRequest, or the error that names the field at fault.

Not here: reading the body (gateway), the fields' types (wire.schema), the existing models
(pipeline), fetching pictures (images).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json

from caption_studio.errors import (
    AboveMaximum,
    InvalidType,
    InvalidValue,
    MissingParameter,
    TooLong,
)
from caption_studio.records import (
    CaptionRequest,
    ImageBytes,
    ImageReference,
    Picture,
    PromptText,
    Structure,
    Turn,
)
from caption_studio.settings import Settings
from caption_studio.wire.bounds import check_limits, check_turns, model_of
from caption_studio.wire.controls import controls_of
from caption_studio.wire.conversation import pictures_of, turns_of
from caption_studio.wire.json_body import JSONBody
from caption_studio.wire.passed_over import without_passed_over
from caption_studio.wire.response_format import structure_of
from caption_studio.wire.sampling import defaulted, sampling_of
from caption_studio.wire.schema import ChatRequest, CompletionRequest, StreamOptions
from caption_studio.wire.validate import json_object, validate

COMPLETION_MAX_TOKENS = 16
"""The official default of `max_tokens` in completions."""


def parse_chat(body: bytes | JSONBody, *, request_id: str, settings: Settings) -> CaptionRequest:
    """Read the body of `POST /v1/chat/completions`. Raises `RequestError`."""
    value = json_object(body)
    check_turns(value.get("messages"), settings.gateway.max_turns, "messages")
    request = validate(ChatRequest, without_passed_over(value))
    turns, images = turns_of(request.messages), pictures_of(request.messages)
    check_limits(images, turns, settings, images_param="messages", text_param="messages")
    structure, turns = structure_of(request.response_format, turns, param="response_format")
    return _request(
        request,
        request_id=request_id,
        endpoint="chat",
        images=images,
        turns=turns,
        max_tokens=request.max_completion_tokens or request.max_tokens,
        structure=structure,
        settings=settings,
    )


def parse_completion(
    body: bytes | JSONBody, *, request_id: str, settings: Settings
) -> CaptionRequest:
    """Read the body of `POST /v1/completions`. Raises `RequestError`."""
    request = validate(CompletionRequest, without_passed_over(json_object(body)))
    images = [] if request.image is None else [ImageReference(request.image, "image")]
    return _completion(request, images, request_id=request_id, settings=settings)


def parse_upload(
    fields: Mapping[str, str],
    images: Sequence[ImageBytes],
    *,
    request_id: str,
    settings: Settings,
) -> CaptionRequest:
    """Read the multipart form of `POST /v1/completions`: uploaded pictures, other fields as text.

    Raises `RequestError`.
    """
    values = {name: _field_value(name, text) for name, text in fields.items()}
    request = validate(CompletionRequest, without_passed_over(values))
    if request.image is not None:
        raise InvalidType("Upload the image as a file.", param="image")
    if not images:
        raise MissingParameter("Missing required parameter: image.", param="image")
    return _completion(request, images, request_id=request_id, settings=settings)


def _field_value(name: str, text: str) -> Any:
    """Return a form field's value: its text if the field is text, else its parsed JSON."""
    if name in ("model", "prompt", "image", "user") or (name == "stop" and text[:1] != "["):
        return text
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        return text  # of the wrong type; validation names the field


def _completion(
    request: CompletionRequest,
    images: Sequence[Picture],
    *,
    request_id: str,
    settings: Settings,
) -> CaptionRequest:
    if request.best_of not in (None, request.n or 1):
        raise InvalidValue("best_of must be n: every choice is returned.", param="best_of")
    prompts = _prompts(request.prompt)
    _check_prompts(request, prompts, images, settings)
    turns = [Turn("user", prompt) for prompt in prompts if isinstance(prompt, str)]
    check_limits(images, turns, settings, images_param="image", text_param="prompt")
    return _request(
        request,
        request_id=request_id,
        endpoint="completion",
        images=images,
        turns=turns if images else [],
        prompts=() if images else tuple(prompts),
        max_tokens=request.max_tokens or (None if images else _default_max_tokens(request)),
        settings=settings,
    )


def _default_max_tokens(request: CompletionRequest) -> int:
    return max(COMPLETION_MAX_TOKENS, request.min_tokens or 0)


def _prompts(prompt: Any) -> list[PromptText]:
    """Return the prompts, each as text or as its token ids."""
    if isinstance(prompt, str):
        return [prompt]
    if isinstance(prompt[0], int):
        return [tuple(prompt)]
    return [one if isinstance(one, str) else tuple(one) for one in prompt]


def _check_prompts(
    request: CompletionRequest,
    prompts: Sequence[PromptText],
    images: Sequence[Picture],
    settings: Settings,
) -> None:
    gateway = settings.gateway
    if images and (len(prompts) > 1 or not isinstance(prompts[0], str)):
        raise InvalidType("Beside an image the prompt must be one text.", param="prompt")
    if not images and not all(prompts):
        raise MissingParameter("Send a prompt, an image, or both.", param="prompt")
    if len(prompts) > gateway.max_prompts:
        raise TooLong(f"A request may have at most {gateway.max_prompts} prompts.", param="prompt")
    if len(prompts) > 1 and len(prompts) * (request.n or 1) > gateway.max_prompts:
        raise AboveMaximum(
            f"A request may have at most {gateway.max_prompts} choices: n of each prompt.",
            param="n",
        )


def _request(
    request: ChatRequest | CompletionRequest,
    *,
    request_id: str,
    endpoint: Any,
    images: Sequence[Picture],
    turns: Sequence[Turn],
    prompts: tuple[PromptText, ...] = (),
    max_tokens: int | None,
    structure: Structure | None = None,
    settings: Settings,
) -> CaptionRequest:
    options = request.stream_options or StreamOptions()
    if options != StreamOptions() and not request.stream:
        raise InvalidValue(
            "stream_options may only be sent when stream is true.", param="stream_options"
        )
    return CaptionRequest(
        request_id=request_id,
        endpoint=endpoint,
        model=model_of(request.model, bool(images), settings),
        images=tuple(images),
        turns=tuple(turns),
        sampling=sampling_of(
            request,
            bool(images),
            max_tokens,
            structure,
            settings,
            n=request.n or 1,
            top_logprobs=_top_logprobs(request),
        ),
        stream=bool(request.stream),
        include_usage=options.include_usage,
        usage_in_chunks=options.continuous_usage_stats,
        prompts=prompts,
        controls=controls_of(request.caption_studio),
        defaulted=defaulted(request, max_tokens, structure),
    )


def _top_logprobs(request: ChatRequest | CompletionRequest) -> int | None:
    if isinstance(request, CompletionRequest):
        return request.logprobs
    if request.top_logprobs and not request.logprobs:
        raise InvalidValue(
            "top_logprobs may only be sent when logprobs is true.", param="top_logprobs"
        )
    return (request.top_logprobs or 0) if request.logprobs else None
