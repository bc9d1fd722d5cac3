"""HTTP body → CaptionRequest, or the error that names the field at fault.

Not here: reading the body (gateway), what the fields are (wire.schema), which models there
are (pipeline), fetching pictures (images).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json

from caption_studio.errors import (
    AboveMaximum,
    InvalidType,
    InvalidValue,
    MissingParameter,
    ModelNotFound,
    TooLong,
)
from caption_studio.records import (
    CaptionRequest,
    ImageBytes,
    ImageReference,
    Picture,
    Sampling,
    Structure,
    Turn,
)
from caption_studio.settings import Settings
from caption_studio.wire.json_body import JSONBody
from caption_studio.wire.response_format import structure_of
from caption_studio.wire.schema import (
    ChatRequest,
    CompletionRequest,
    ImagePart,
    SystemMessage,
    TextPart,
    UserMessage,
)
from caption_studio.wire.validate import json_object, validate

TURN_BYTES = len("Assistant: \n")
"""What a turn adds to the prompt besides its text."""

MAX_MODEL_CHARS = 1024

COMPLETION_MAX_TOKENS = 16
"""The official default of `max_tokens` in completions."""


def parse_chat(body: bytes | JSONBody, *, request_id: str, settings: Settings) -> CaptionRequest:
    """Read the body of `POST /v1/chat/completions`. Raises `RequestError`."""
    value = json_object(body)
    check_turns(value.get("messages"), settings.gateway.max_turns, "messages")
    request = validate(ChatRequest, value)
    images: list[ImageReference] = []
    turns: list[Turn] = []
    for index, message in enumerate(request.messages):
        parts = message.content
        if not isinstance(parts, str) and isinstance(message, UserMessage):
            images += _image_references(parts, f"messages[{index}].content")
        role = "system" if isinstance(message, SystemMessage) else message.role
        turns.append(Turn(role, _text(parts)))
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
    request = validate(CompletionRequest, json_object(body))
    images = [] if request.image is None else [ImageReference(request.image, "image")]
    return _completion(request, images, request_id=request_id, settings=settings)


def parse_upload(
    fields: Mapping[str, str],
    images: Sequence[ImageBytes],
    *,
    request_id: str,
    settings: Settings,
) -> CaptionRequest:
    """Read the multipart form of the same: uploaded pictures, the other fields as text.

    Raises `RequestError`.
    """
    values = {name: _field_value(name, text) for name, text in fields.items()}
    request = validate(CompletionRequest, values)
    if request.image is not None:
        raise InvalidType("Upload the image as a file.", param="image")
    if not images:
        raise MissingParameter("Missing required parameter: image.", param="image")
    return _completion(request, images, request_id=request_id, settings=settings)


def _field_value(name: str, text: str) -> Any:
    """Return a form field's value: text where the field is text, else what its JSON says."""
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
    turns = [Turn("user", request.prompt)]
    if not images and not request.prompt:
        raise MissingParameter("Send a prompt, an image, or both.", param="prompt")
    check_limits(images, turns, settings, images_param="image", text_param="prompt")
    return _request(
        request,
        request_id=request_id,
        endpoint="completion",
        images=images,
        turns=turns,
        max_tokens=request.max_tokens or (None if images else COMPLETION_MAX_TOKENS),
        settings=settings,
    )


def _request(
    request: ChatRequest | CompletionRequest,
    *,
    request_id: str,
    endpoint: Any,
    images: Sequence[Picture],
    turns: Sequence[Turn],
    max_tokens: int | None,
    structure: Structure | None = None,
    settings: Settings,
) -> CaptionRequest:
    if request.stream_options is not None and not request.stream:
        raise InvalidValue(
            "stream_options may only be sent when stream is true.", param="stream_options"
        )
    options = request.stream_options
    return CaptionRequest(
        request_id=request_id,
        endpoint=endpoint,
        model=model_of(request.model, bool(images), settings),
        images=tuple(images),
        turns=tuple(turns),
        sampling=_sampling(request, bool(images), max_tokens, structure, settings),
        stream=bool(request.stream),
        include_usage=options is not None and options.include_usage,
    )


def model_of(model: str | None, has_images: bool, settings: Settings) -> str:
    """Return the model that is named, whether it exists or not, or the one that is meant.

    Raises `ModelNotFound` for a name so long that nothing has it.
    """
    if model is not None and len(model) > MAX_MODEL_CHARS:
        raise ModelNotFound("The model that `model` names does not exist.", param="model")
    if model is not None:
        return model
    return settings.default_caption_model if has_images else settings.language.weights_id


def _sampling(
    request: ChatRequest | CompletionRequest,
    has_images: bool,
    max_tokens: int | None,
    structure: Structure | None,
    settings: Settings,
) -> Sampling:
    n = 1 if request.n is None else request.n
    if n > settings.gateway.max_n:
        raise AboveMaximum(f"n may be at most {settings.gateway.max_n}.", param="n")
    language = settings.language
    temperature, top_p = (
        (language.caption_temperature, language.caption_top_p) if has_images else (1.0, 1.0)
    )
    stop = request.stop or []
    return Sampling(
        max_tokens=max_tokens or default_max_tokens(has_images, structure, settings),
        temperature=temperature if request.temperature is None else request.temperature,
        top_p=top_p if request.top_p is None else request.top_p,
        n=n,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=request.seed,
        presence_penalty=request.presence_penalty or 0.0,
        frequency_penalty=request.frequency_penalty or 0.0,
        logit_bias=tuple((int(id_), bias) for id_, bias in (request.logit_bias or {}).items()),
        top_logprobs=_top_logprobs(request),
        structure=structure,
    )


def default_max_tokens(
    has_images: bool, structure: Structure | None, settings: Settings
) -> int | None:
    """Return `max_tokens` where the caller names none; None: the room that is left."""
    if structure is not None:
        return settings.language.structured_max_tokens
    return settings.language.caption_max_tokens if has_images else None


def _top_logprobs(request: ChatRequest | CompletionRequest) -> int | None:
    if isinstance(request, CompletionRequest):
        return request.logprobs
    if request.top_logprobs is not None and not request.logprobs:
        raise InvalidValue(
            "top_logprobs may only be sent when logprobs is true.", param="top_logprobs"
        )
    return (request.top_logprobs or 0) if request.logprobs else None


def check_turns(messages: Any, max_turns: int, param: str) -> None:
    """Refuse too many messages, or parts in them, before each is looked at."""
    if not isinstance(messages, list):
        return
    contents = [m.get("content") for m in messages[:max_turns] if isinstance(m, dict)]
    parts = sum(len(content) for content in contents if isinstance(content, list))
    for number, things in ((len(messages), "turns"), (parts, "content parts")):
        if number > max_turns:
            raise TooLong(f"A request may have at most {max_turns} {things}.", param=param)


def _image_references(parts: Sequence[Any], param: str) -> list[ImageReference]:
    return [
        ImageReference(part.image_url.url, f"{param}[{index}].image_url.url")
        for index, part in enumerate(parts)
        if isinstance(part, ImagePart)
    ]


def _text(content: str | Sequence[Any]) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.text for part in content if isinstance(part, TextPart))


def check_limits(
    images: Sequence[Picture],
    turns: Sequence[Turn],
    settings: Settings,
    *,
    images_param: str,
    text_param: str,
) -> None:
    """Refuse too many pictures and too long a text."""
    gateway = settings.gateway
    if len(images) > gateway.max_images:
        raise TooLong(
            f"A request may hold at most {gateway.max_images} images.", param=images_param
        )
    if _is_longer(turns, gateway.max_text_bytes):
        raise TooLong(
            f"The text of a request may be at most {gateway.max_text_bytes} bytes long.",
            param=text_param,
            code="string_above_max_length",
        )


def _is_longer(turns: Sequence[Turn], max_bytes: int) -> bool:
    """Return whether the turns make more of a prompt than that, in UTF-8."""
    if sum(len(turn.text) for turn in turns) > max_bytes:
        return True  # encoding it all would take as long as it is
    return sum(len(turn.text.encode()) + TURN_BYTES for turn in turns) - TURN_BYTES > max_bytes
