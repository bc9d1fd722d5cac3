"""Seed → a painted picture as a user may send it → Pixels, as the service decodes it."""

import io
import random
from collections.abc import Callable

from PIL import Image

from caption_studio.demo.painter import paint
from caption_studio.demo.scenes import TRAINING_SEEDS, Pool, Scene, sample_scene
from caption_studio.images.decode import decode
from caption_studio.records import ImageBytes, Pixels
from caption_studio.settings import ImageSettings

PAINTED_PX = (*(64, 80, 96, 128, 160, 192, 256) * 2, 512)
"""Large pictures take most of the time, so they are rarer."""

SMALLEST_PX = 48

_FILTERS = (
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


def scene_of(seed: int) -> Scene:
    """Return the scene of a seed; training seeds have none of the held-out combinations."""
    return sample_scene(seed, Pool.TRAINING if seed in TRAINING_SEEDS else Pool.ALL)


def way_of(seed: int) -> str:
    """Return the name in `WAYS` by which the picture of a seed is sent."""
    return list(WAYS)[seed % len(WAYS)]


def sent(seed: int, size_px: int, way: str | None = None) -> Pixels:
    """Paint the scene of a seed and send it, by `way_of` unless told; `size_px` is the model's."""
    rng = random.Random(f"sent {seed}")
    picture = paint(scene_of(seed), seed, rng.choice(PAINTED_PX))
    data = WAYS[way or way_of(seed)](picture, rng)
    return decode(ImageBytes(data, "image"), size_px=size_px, settings=ImageSettings())


def encoded(picture: Image.Image, image_format: str, quality: int = 75) -> bytes:
    """Return the picture's file; `quality` says nothing to PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, image_format, quality=quality)
    return buffer.getvalue()


def _quality(rng: random.Random) -> int:
    return rng.randint(60, 95)


def _rescaled(picture: Image.Image, rng: random.Random, least: float, most: float) -> Image.Image:
    side_px = max(SMALLEST_PX, int(picture.width * rng.uniform(least, most)))
    return picture.resize((side_px, side_px), rng.choice(_FILTERS))


def _resized(picture: Image.Image, rng: random.Random) -> bytes:
    other = _rescaled(picture, rng, 0.4, 3)
    return encoded(other, rng.choice(("PNG", "JPEG", "WEBP")), _quality(rng))


def _recompressed(picture: Image.Image, rng: random.Random) -> bytes:
    """Save, resize and save again, as a messenger does."""
    first = encoded(picture, rng.choice(("JPEG", "WEBP")), _quality(rng))
    with Image.open(io.BytesIO(first)) as read:
        again = _rescaled(read.convert("RGB"), rng, 0.5, 1.5)
    return encoded(again, "JPEG", _quality(rng))


WAYS: dict[str, Callable[[Image.Image, random.Random], bytes]] = {
    "PNG": lambda picture, _: encoded(picture, "PNG"),
    "JPEG": lambda picture, rng: encoded(picture, "JPEG", _quality(rng)),
    "WebP": lambda picture, rng: encoded(picture, "WEBP", _quality(rng)),
    "resized": _resized,
    "recompressed": _recompressed,
}
"""Qualities are 60 to 95; the ways by which painted pictures are sent."""
