"""The canvas of one picture, under the light of one sky. `backdrop` paints on it."""

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

from caption_studio.demo.brush import Rgb


@dataclass(frozen=True, slots=True)
class Sky:
    """Colours of one sky: gradient (top, horizon) and the light it throws on the ground."""

    top: Rgb
    horizon: Rgb
    light: Rgb
    light_share: float


SKY_COLOURS = {
    "sunny": Sky((70, 150, 235), (190, 226, 250), (255, 250, 225), 0.0),
    "cloudy": Sky((150, 165, 182), (206, 214, 222), (150, 160, 172), 0.22),
    "rainy": Sky((84, 94, 110), (140, 150, 162), (66, 76, 92), 0.42),
    "sunset": Sky((92, 62, 134), (255, 156, 74), (214, 106, 74), 0.32),
    "night": Sky((8, 12, 40), (34, 44, 92), (12, 18, 54), 0.66),
    "fog": Sky((222, 226, 229), (232, 234, 235), (228, 231, 233), 0.58),
    "rainbow": Sky((112, 182, 236), (216, 236, 248), (255, 255, 255), 0.04),
}


def mix(a: Rgb, b: Rgb, share: float) -> Rgb:
    """Return `a` with `share` (0 to 1) of `b` in it."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return (red, green, blue)


@dataclass(frozen=True, slots=True)
class Stage:
    """A canvas being painted: its side and horizon in pixels, its light, its random choices."""

    image: Image.Image
    draw: ImageDraw.ImageDraw
    side_px: int
    horizon_px: int
    sky: str
    rng: random.Random

    def lit(self, colour: Rgb) -> Rgb:
        """Return a ground colour under this sky's light."""
        light = SKY_COLOURS[self.sky]
        return mix(colour, light.light, light.light_share)

    def px(self, share: float) -> float:
        """Return a share of the side in pixels."""
        return share * self.side_px

    def ridge(self, height: float, colour: Rgb, waves: float = 1.6, swing: float = 0.05) -> None:
        """Fill everything below a rolling line, `height` (share of the side) below the horizon."""
        side, phase = self.side_px, self.rng.uniform(0, 6.3)
        base = self.horizon_px + self.px(height)
        line = [
            (side * i / 24, base + self.px(swing) * math.sin(phase + waves * 6.3 * i / 24))
            for i in range(25)
        ]
        self.draw.polygon([*line, (side, side), (0, side)], colour)

    def disc(self, x: float, y: float, radius: float, colour: Rgb) -> None:
        """Fill a circle, all in shares of the side."""
        x, y, radius = self.px(x), self.px(y), self.px(radius)
        self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), colour)
