"""A prompt template, a description and a picture → the messages for a teacher."""

from pathlib import Path
from typing import Any

from caption_studio.language.prompt import one_line
from caption_studio.training.rows import DataSetError

PLACE = "{description}"
NO_PROMPT = "none"
_HERE = Path(__file__).parent


def template(given: str | None, *, sees_pictures: bool) -> str:
    """Return the template in the file `given`, or ours; empty for `none`: the picture alone.

    Raises `DataSetError` if it cannot be read, or if neither it nor the teacher has anything to go
    by.
    """
    if given == NO_PROMPT:
        if not sees_pictures:
            raise DataSetError(
                "--prompt none sends a picture alone: give --teacher-sees-pictures too."
            )
        return ""
    ours = "prompt_with_picture.txt" if sees_pictures else "prompt.txt"
    path = _HERE / ours if given is None else Path(given)
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise DataSetError(f"{path} cannot be read: {reason}.") from error
    if not text:
        raise DataSetError(f"{path} is empty; for a picture alone give --prompt none.")
    if PLACE not in text and not sees_pictures:
        raise DataSetError(f"{path} has no {PLACE}, where the description is put.")
    return text


def messages(template: str, description: str, picture_url: str | None) -> list[dict[str, Any]]:
    """Return the one message that asks for a caption; its text is the template, filled in."""
    # Not by `format`: a template may show JSON, and a description is data.
    text = template.replace(PLACE, one_line(description))
    if picture_url is None:
        return [{"role": "user", "content": text}]
    parts: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": picture_url}}]
    if text:
        parts.insert(0, {"type": "text", "text": text})
    return [{"role": "user", "content": parts}]
