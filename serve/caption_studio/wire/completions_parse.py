"""Body or form of `POST /v1/completions` → CaptionRequest, or the error that names the field."""

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
    FileReference,
    ImageBytes,
    ImageReference,
    Picture,
    PromptText,
    Turn,
)
from caption_studio.settings import Settings
from caption_studio.wire.asked import Asked, caption_request
from caption_studio.wire.bounds import check_limits
from caption_studio.wire.caller import CALLER_FIELDS, caller_of
from caption_studio.wire.json_body import JSONBody
from caption_studio.wire.passed_over import without_passed_over
from caption_studio.wire.schema import CompletionRequest
from caption_studio.wire.validate import json_object, validate

COMPLETION_MAX_TOKENS = 16
"""The official default of `max_tokens` in completions."""

FILE = "file-"
"""The beginning of an uploaded file's id."""

MAX_FILE_ID_CHARS = 64


def parse_completion(
    body: bytes | JSONBody, *, request_id: str, settings: Settings
) -> CaptionRequest:
    """Read the body of `POST /v1/completions`. Raises `RequestError`."""
    value = json_object(body)
    request = validate(CompletionRequest, without_passed_over(value))
    images = [] if request.image is None else [_picture(request.image)]
    return _completion(request, images, caller_of(value), request_id=request_id, settings=settings)


def _picture(image: str) -> Picture:
    if image.startswith(FILE):
        return FileReference(image[:MAX_FILE_ID_CHARS], "image")
    return ImageReference(image, "image")


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
    return _completion(request, images, caller_of(values), request_id=request_id, settings=settings)


def _field_value(name: str, text: str) -> Any:
    """Return a form field's value: its text if the field is text, else its parsed JSON."""
    if name in ("model", "prompt", "image", *CALLER_FIELDS):
        return text
    if name == "stop" and text[:1] != "[":
        return text
    try:
        return from_json(text, allow_inf_nan=False, cache_strings=False)
    except ValueError:
        return text  # of the wrong type; validation names the field


def _completion(
    request: CompletionRequest,
    images: Sequence[Picture],
    user: str | None,
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
    asked = Asked(
        request_id=request_id,
        endpoint="completion",
        images=images,
        turns=turns if images else [],
        prompts=() if images else tuple(prompts),
        max_tokens=request.max_tokens or (None if images else _default_max_tokens(request)),
        user=user,
    )
    return caption_request(request, asked, settings)


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
