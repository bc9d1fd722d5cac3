"""Limits of a request, checked before costly work: turns, pictures, text, the model's name."""

from collections.abc import Sequence
from typing import Any

from caption_studio.errors import ModelNotFound, TooLong
from caption_studio.records import Picture, Turn
from caption_studio.settings import Settings

TURN_BYTES = len("Assistant: \n")
"""Bytes that a turn adds to the prompt besides its text."""

MAX_MODEL_CHARS = 1024


def model_of(model: str | None, has_images: bool, settings: Settings) -> str:
    """Return the model that is named, whether it exists or not, or else the default.

    Raises `ModelNotFound` for a name that is too long for any model.
    """
    if model is not None and len(model) > MAX_MODEL_CHARS:
        raise ModelNotFound("No model has a name as long as that in `model`.", param="model")
    if model is not None:
        return model
    return settings.default_caption_model if has_images else settings.language.weights_id


def check_turns(messages: Any, max_turns: int, param: str) -> None:
    """Refuse too many messages, or parts in them, before each is validated."""
    if not isinstance(messages, list):
        return
    contents = [m.get("content") for m in messages[:max_turns] if isinstance(m, dict)]
    parts = sum(len(content) for content in contents if isinstance(content, list))
    for number, things in ((len(messages), "messages"), (parts, "content parts")):
        if number > max_turns:
            raise TooLong(f"A request may have at most {max_turns} {things}.", param=param)


def check_limits(
    images: Sequence[Picture],
    turns: Sequence[Turn],
    settings: Settings,
    *,
    images_param: str,
    text_param: str,
) -> None:
    """Refuse too many pictures to caption, or too much text. Raises `TooLong`."""
    gateway = settings.gateway
    if len(images) > gateway.max_images:
        raise TooLong(
            f"A request may hold at most {gateway.max_images} images.", param=images_param
        )
    if _is_longer(turns, gateway.max_text_bytes):
        raise too_much_text(gateway.max_text_bytes, text_param)


def too_much_text(max_bytes: int, param: str | None) -> TooLong:
    """Return the error for a request with more text than `max_bytes`."""
    return TooLong(
        f"The text of a request may be at most {max_bytes} bytes long.",
        param=param,
        code="string_above_max_length",
    )


def _is_longer(turns: Sequence[Turn], max_bytes: int) -> bool:
    """Return whether the turns' part of the prompt is longer than `max_bytes`, in UTF-8."""
    if sum(len(turn.text) for turn in turns) > max_bytes:
        return True  # without encoding a text of any length
    return sum(len(turn.text.encode()) + TURN_BYTES for turn in turns) - TURN_BYTES > max_bytes
