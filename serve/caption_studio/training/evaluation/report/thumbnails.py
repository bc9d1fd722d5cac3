"""A row's picture → a small picture as a data URL, where its file can be read."""

import base64
import io
from pathlib import Path

from PIL import Image

from caption_studio.errors import CaptionStudioError
from caption_studio.images.decode import decode
from caption_studio.records import ImageBytes
from caption_studio.settings import ImageSettings

SIDE_PX = 160
_SETTINGS = ImageSettings()


def thumbnail(picture: str, folder: Path) -> str:
    """Return a JPEG's data URL, cropped to a square; empty where there is no readable file.

    A path that is not absolute is looked for here and in `folder`. URLs are not fetched.
    """
    if not picture or "://" in picture:
        return ""
    try:
        path = next((one for one in (Path(picture), folder / picture) if one.is_file()), None)
        if path is None or path.stat().st_size > _SETTINGS.max_bytes:
            return ""
        pixels = decode(ImageBytes(path.read_bytes(), picture), size_px=SIDE_PX, settings=_SETTINGS)
    except (OSError, ValueError, CaptionStudioError):  # ValueError: a NUL in the name
        return ""
    square = Image.frombytes("RGB", (pixels.width_px, pixels.height_px), pixels.data)
    buffer = io.BytesIO()
    square.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
