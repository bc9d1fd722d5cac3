"""Encoded picture → what it looks like in short, and a small picture of it.

All of it is made of the part that a describer sees: upright, the centre, square.
"""

import base64
import hashlib
import io

import numpy as np
from PIL import Image

from caption_studio.client.pictures import PictureFailed
from caption_studio.errors import EngineFailure, ImageError
from caption_studio.images.decode import decode
from caption_studio.images.stop import Stop
from caption_studio.records import ImageBytes
from caption_studio.settings import ImageSettings
from caption_studio.training.dataset.items import Look

SIDE_PX = 128
THUMBNAIL_PX = 192
ID_BYTES = 8
COLOUR_GRID = 4
CLEAR_LEVELS = 2.0
"""Of 255. In a plain sky noise decides which of two means is darker. Of 100 painted pictures saved
as JPEG, 12 (at quality 40 even 46) were more than 4 bits from themselves where any difference
counts, and none where it must be clear; two different ones are 9 bits apart at least, two
photographs 15."""
MAX_DECODE_CPU_S = 20.0


class _TooSlow(Exception):
    """A picture whose decode takes too much processor time."""


class _Budget(Stop):
    """Ends a decode that has used up its processor time; a busy machine alone ends none."""

    def __call__(self) -> bool:
        if self.cpu_s() > MAX_DECODE_CPU_S:
            raise _TooSlow
        return False


def look_at(data: bytes) -> Look:
    """Return the picture's look. Blocking. Raises `PictureFailed` for what is no picture."""
    square = _square(data, SIDE_PX)
    pixels = square.tobytes()
    colours = square.resize((COLOUR_GRID, COLOUR_GRID), Image.Resampling.BOX).tobytes()
    digest = hashlib.blake2b(pixels, digest_size=ID_BYTES).hexdigest()
    return Look(digest, _difference_hash(square), colours)


def thumbnail(data: bytes) -> str:
    """Return a small JPEG as a data URL. Blocking. Raises `PictureFailed`."""
    buffer = io.BytesIO()
    _square(data, THUMBNAIL_PX).save(buffer, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _difference_hash(square: Image.Image) -> int:
    """Return 64 bits: in eight rows of nine means, whether each is clearly darker than the next.

    After N. Krawetz, "Kind of like that" (2013), where any difference counts.
    """
    grey = square.convert("L").convert("F")  # means of whole numbers would be rounded
    means = np.asarray(grey.resize((9, 8), Image.Resampling.BOX))
    return int.from_bytes(np.packbits(means[:, 1:] - means[:, :-1] > CLEAR_LEVELS).tobytes())


def _square(data: bytes, size_px: int) -> Image.Image:
    image = ImageBytes(data, param="picture")
    try:
        pixels = decode(image, size_px=size_px, settings=ImageSettings(), stop=_Budget())
    except (ImageError, EngineFailure) as error:
        raise PictureFailed(error.message.rstrip(".")) from error
    except _TooSlow as error:
        raise PictureFailed(f"the image takes over {MAX_DECODE_CPU_S:.0f} s to decode") from error
    return Image.frombytes("RGB", (size_px, size_px), pixels.data)
