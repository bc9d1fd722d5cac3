"""Scene and seed → RGB picture, by Pillow. Scenes are in `scenes`.

The subject keeps its own colour under every sky (only the backdrop is tinted), and subjects
never overlap, so that colour and count can be read off the picture even at 64 px.
"""

import io
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from caption_studio.demo.backdrop import paint_backdrop
from caption_studio.demo.brush import Brush, Rgb
from caption_studio.demo.scenes import Scene, Where
from caption_studio.demo.subjects import COLOURS, SHAPES

_CENTRES = {1: (0.5,), 2: (0.28, 0.72), 3: (0.185, 0.5, 0.815)}
_DRIFT = {1: 0.12, 2: 0.022, 3: 0.006}
_SIZES = {1: (0.45, 0.56), 2: (0.38, 0.42), 3: (0.29, 0.305)}
_FEET = {Where.GROUND: (0.84, 0.92), Where.WATER: (0.78, 0.87), Where.AIR: (0.56, 0.64)}


def paint(scene: Scene, seed: int, size_px: int = 256) -> Image.Image:
    """Return the picture of `scene`; `seed` decides every detail that the description omits.

    The result is RGB, `size_px` square, with a little noise and the marks of JPEG.
    """
    rng = random.Random(seed)
    factor = 4 if size_px < 96 else 2
    side_px = size_px * factor
    canvas = paint_backdrop(side_px, scene.place, scene.sky, rng)
    _place_subjects(canvas, scene, rng)
    return _photograph(canvas.reduce(factor), seed, rng)


@dataclass(frozen=True, slots=True)
class Placement:
    """The place of one thing: its middle, its foot and its size, in shares of the side."""

    x: float
    foot: float
    size: float


def subject_boxes(scene: Scene, seed: int) -> list[tuple[float, float, float, float]]:
    """Return the boxes of the painted things: left, top, right, bottom in shares of the side."""
    rng = random.Random(seed)
    paint_backdrop(16, scene.place, scene.sky, rng)
    _, _, placements = _arranged(scene, rng)
    return [(p.x - p.size / 2, p.foot - p.size, p.x + p.size / 2, p.foot) for p in placements]


def _arranged(scene: Scene, rng: random.Random) -> tuple[Rgb, bool, list[Placement]]:
    """Choose the shade, the direction that all face, and a place for each thing."""
    size = rng.uniform(*_SIZES[scene.count])
    low, high = _FEET[scene.where]
    foot = rng.uniform(low, high)
    colour = _jittered(COLOURS[scene.colour], rng)
    flip = rng.random() < 0.5
    placements = []
    for centre in _CENTRES[scene.count]:
        x = centre + rng.uniform(-1, 1) * _DRIFT[scene.count]
        rise = rng.uniform(-0.06, 0.02) if scene.where is Where.AIR else rng.uniform(-0.02, 0.02)
        placements.append(Placement(x, min(foot + rise, 0.96), size * rng.uniform(0.95, 1.0)))
    return colour, flip, placements


def _place_subjects(canvas: Image.Image, scene: Scene, rng: random.Random) -> None:
    draw, side_px = ImageDraw.Draw(canvas), canvas.width
    colour, flip, placements = _arranged(scene, rng)
    for p in placements:
        brush = Brush(draw, p.x * side_px, p.foot * side_px, p.size * side_px, flip, colour)
        if scene.where is Where.GROUND:
            _shadow(canvas, brush)
        SHAPES[scene.subject](brush)


def _shadow(canvas: Image.Image, brush: Brush) -> None:
    ground = canvas.crop(
        (int(brush.x_px), int(brush.y_px), int(brush.x_px) + 1, int(brush.y_px) + 1)
    )
    red, green, blue = (int(c * 0.82) for c in ground.tobytes())
    brush.oval(-0.46, -0.045, 0.46, 0.045, (red, green, blue), outline=False)


def _jittered(colour: Rgb, rng: random.Random) -> Rgb:
    red, green, blue = (max(0, min(255, c + rng.randint(-9, 9))) for c in colour)
    return (red, green, blue)


def _photograph(image: Image.Image, seed: int, rng: random.Random) -> Image.Image:
    """Add sensor noise and the marks of JPEG compression."""
    noise = np.random.default_rng(seed).normal(0, rng.uniform(1, 4), (image.height, image.width, 1))
    pixels = np.clip(np.asarray(image, dtype=np.float32) + noise, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=rng.randint(70, 95))
    return Image.open(buffer).convert("RGB")
