"""Picture number → encoded picture: seeded, varied, with the file size of a photograph."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from benchmarks.scenario import PictureKind

CANVASES = 16
"""Backgrounds of each kind: painting one takes some ms, shifting it a fraction of that."""


def paint(kind: PictureKind, *, seed: int, number: int) -> bytes:
    """Return an encoded picture; equal arguments give equal bytes, other numbers other pixels.

    A background is shifted with wrap-around, and one shape is drawn on it.
    """
    draw = np.random.default_rng((seed, number))
    canvas = _canvas(kind.width_px, kind.height_px, seed, number % CANVASES)
    moved = np.roll(canvas, draw.integers(0, canvas.shape[:2]), axis=(0, 1))
    picture = Image.fromarray(moved)
    _shape(ImageDraw.Draw(picture), picture.size, draw)
    buffer = io.BytesIO()
    options = {"png": {"compress_level": 1}, "webp": {"quality": 80, "method": 1}}
    picture.save(buffer, kind.format, **options.get(kind.format, {"quality": 80}))
    return buffer.getvalue()


@lru_cache(maxsize=4 * CANVASES)
def _canvas(width_px: int, height_px: int, seed: int, number: int) -> np.ndarray:
    """Return uint8 [H, W, 3]: soft colours, some shapes, and grain.

    The grain keeps the file from becoming too small: a plain drawing of 512 x 384 would be 5 KB of
    JPEG, this one is about 30.
    """
    draw = np.random.default_rng((seed, number, 0))
    picture = Image.fromarray(draw.integers(40, 255, (3, 2, 3), dtype=np.uint8))
    picture = picture.resize((width_px, height_px), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for _ in range(int(draw.integers(3, 7))):
        _shape(pen, picture.size, draw)
    noise = draw.integers(0, 256, (height_px, width_px), dtype=np.uint8)
    grain = Image.fromarray(noise).filter(ImageFilter.BoxBlur(1)).convert("RGB")
    return np.asarray(Image.blend(picture, grain, 0.25))


def _shape(pen: ImageDraw.ImageDraw, size: tuple[int, int], draw: np.random.Generator) -> None:
    x, y = draw.uniform(0, size[0]), draw.uniform(0, size[1])
    width, height = draw.uniform(0.05, 0.4, 2) * min(size)
    red, green, blue = (int(value) for value in draw.integers(0, 256, 3))
    outline = pen.ellipse if draw.random() < 0.5 else pen.rectangle
    outline((x, y, x + width, y + height), fill=(red, green, blue))
