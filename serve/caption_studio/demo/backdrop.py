"""Place and sky → the picture behind the subject. Subjects are in `subjects`."""

import math
import random

from PIL import Image, ImageDraw

from caption_studio.demo.brush import Rgb, shade
from caption_studio.demo.places import PAINT_PLACE
from caption_studio.demo.stage import SKY_COLOURS, Stage, mix

_RAINBOW: tuple[Rgb, ...] = (
    (228, 64, 60),
    (246, 150, 50),
    (250, 224, 80),
    (84, 184, 96),
    (70, 124, 222),
    (140, 84, 186),
)


def paint_backdrop(side_px: int, place: str, sky: str, rng: random.Random) -> Image.Image:
    """Return the RGB picture of a place under a sky, without any subject."""
    light = SKY_COLOURS[sky]
    horizon_px = round(side_px * rng.uniform(0.52, 0.58))
    column = Image.new("RGB", (1, 16))
    shift = rng.randint(-8, 8)
    for i in range(16):
        colour = mix(light.top, light.horizon, min(1.0, i / 8.5))
        column.putpixel((0, i), tuple(max(0, min(255, c + shift)) for c in colour))
    image = column.resize((side_px, side_px), Image.Resampling.BILINEAR)
    stage = Stage(image, ImageDraw.Draw(image), side_px, horizon_px, sky, rng)
    _SKIES[sky](stage)
    PAINT_PLACE[place](stage)
    if sky == "rainy":
        _rain(stage)
    return image


def _cloud(stage: Stage, x: float, y: float, size: float, colour: Rgb) -> None:
    for dx, dy, r in ((-0.5, 0.1, 0.3), (-0.12, -0.1, 0.42), (0.3, 0, 0.36), (0.62, 0.12, 0.24)):
        stage.disc(x + dx * size, y + dy * size, r * size, colour)


def _clouds(stage: Stage, number: int, size: float, colour: Rgb) -> None:
    for i in range(number):
        x = (i + stage.rng.uniform(0.15, 0.85)) / number
        y = stage.rng.uniform(0.04, 0.22)
        _cloud(stage, x, y, size * stage.rng.uniform(0.8, 1.2), shade(colour, 1 - 0.06 * (i % 2)))


def _sunny(stage: Stage) -> None:
    x, y = stage.rng.choice((0.13, 0.87)) + stage.rng.uniform(-0.03, 0.03), 0.13
    for radius, share in ((0.13, 0.35), (0.1, 0.65)):
        stage.disc(x, y, radius, mix((120, 180, 240), (255, 240, 180), share))
    stage.disc(x, y, 0.075, (255, 226, 90))
    _cloud(
        stage, 0.5 + stage.rng.uniform(-0.2, 0.2), stage.rng.uniform(0.1, 0.3), 0.1, (250, 252, 255)
    )


def _cloudy(stage: Stage) -> None:
    _clouds(stage, 4, 0.2, (228, 232, 237))
    _clouds(stage, 3, 0.2, (184, 192, 203))


def _rainy(stage: Stage) -> None:
    _clouds(stage, 4, 0.22, (72, 80, 94))
    _clouds(stage, 4, 0.2, (98, 106, 120))


def _rain(stage: Stage) -> None:
    width = max(1, round(stage.side_px / 170))
    for _ in range(70):
        x, y = stage.px(stage.rng.uniform(0, 1.1)), stage.px(stage.rng.uniform(0, 1))
        length = stage.px(stage.rng.uniform(0.04, 0.08))
        stage.draw.line([(x, y), (x - length * 0.35, y + length)], (176, 192, 212), width)


def _sunset(stage: Stage) -> None:
    x, y = stage.rng.uniform(0.2, 0.8), stage.horizon_px / stage.side_px - 0.03
    for radius, share in ((0.24, 0.25), (0.18, 0.5)):
        stage.disc(x, y, radius, mix((250, 146, 84), (255, 206, 110), share))
    stage.disc(x, y, 0.12, (255, 226, 136))
    for _ in range(4):
        left, top = stage.rng.uniform(-0.1, 0.7), stage.rng.uniform(0.1, 0.36)
        box = (left, top, left + stage.rng.uniform(0.2, 0.45), top + 0.025)
        stage.draw.ellipse([stage.px(v) for v in box], (216, 100, 112))


def _night(stage: Stage) -> None:
    for _ in range(60):
        x, y = stage.rng.random(), stage.rng.uniform(0, 0.52)
        stage.disc(x, y, stage.rng.uniform(0.002, 0.006), (226, 230, 250))
    x, y = stage.rng.choice((0.13, 0.87)) + stage.rng.uniform(-0.03, 0.03), 0.13
    stage.disc(x, y, 0.075, (246, 242, 214))
    stage.disc(x + 0.035, y - 0.02, 0.062, (12, 17, 48))


def _fog(stage: Stage) -> None:
    for _ in range(3):
        stage.disc(stage.rng.random(), stage.rng.uniform(0, 0.5), 0.2, (228, 231, 233))


def _rainbow(stage: Stage) -> None:
    x = stage.px(stage.rng.uniform(0.4, 0.6))
    y, radius, band = stage.horizon_px + stage.px(0.06), stage.px(0.58), stage.px(0.021)
    for i, colour in enumerate(_RAINBOW):
        r = radius - i * band
        soft = mix(colour, (200, 228, 246), 0.15)
        box = (x - r * 0.86, y - r, x + r * 0.86, y + r)
        stage.draw.arc(box, 180, 360, soft, math.ceil(band) + 1)
    _cloud(stage, stage.rng.uniform(0.05, 0.15), 0.2, 0.1, (250, 252, 255))


_SKIES = {
    "sunny": _sunny,
    "cloudy": _cloudy,
    "rainy": _rainy,
    "sunset": _sunset,
    "night": _night,
    "fog": _fog,
    "rainbow": _rainbow,
}
