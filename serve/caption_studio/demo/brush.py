"""Colours, and a brush that draws shapes in a subject's own units. Subjects are in `subjects`."""

from dataclasses import dataclass

from PIL import ImageDraw

Rgb = tuple[int, int, int]
Point = tuple[float, float]


def shade(colour: Rgb, factor: float) -> Rgb:
    """Darken (factor below 1) or lighten towards white (above 1) a colour."""
    if factor <= 1:
        return (int(colour[0] * factor), int(colour[1] * factor), int(colour[2] * factor))
    t = factor - 1
    red, green, blue = (int(c + (255 - c) * t) for c in colour)
    return (red, green, blue)


def outline_of(colour: Rgb) -> Rgb:
    """Return an outline that keeps the subject visible on any backdrop: light for black."""
    return (150, 152, 164) if sum(colour) < 150 else shade(colour, 0.5)


@dataclass(frozen=True, slots=True)
class Brush:
    """Draws in a subject's own units: x from -0.5 to 0.5, y from 0 (foot) up to 1."""

    draw: ImageDraw.ImageDraw
    x_px: float
    y_px: float
    unit_px: float
    flip: bool
    colour: Rgb

    def _at(self, x: float, y: float) -> Point:
        sign = -1 if self.flip else 1
        return (self.x_px + sign * x * self.unit_px, self.y_px - y * self.unit_px)

    def _width(self, width: float) -> int:
        return max(1, round(width * self.unit_px))

    def line(self, points: list[Point], fill: Rgb, width: float) -> None:
        """Draw an open line of the given width (in units)."""
        self.draw.line([self._at(*p) for p in points], fill, self._width(width), joint="curve")

    def shape(self, points: list[Point], fill: Rgb, *, outline: bool = True) -> None:
        """Fill a polygon, outlined by default."""
        placed = [self._at(*p) for p in points]
        self.draw.polygon(placed, fill)
        if outline:
            edge = outline_of(self.colour)
            self.draw.line([*placed, placed[0]], edge, self._width(0.022), joint="curve")

    def oval(
        self, left: float, bottom: float, right: float, top: float, fill: Rgb, outline: bool = True
    ) -> None:
        """Fill an ellipse given by its box, outlined by default."""
        (xa, ya), (xb, yb) = self._at(left, top), self._at(right, bottom)
        edge = outline_of(self.colour) if outline else None
        box = (min(xa, xb), ya, max(xa, xb), yb)
        self.draw.ellipse(box, fill, edge, self._width(0.022) if outline else 0)

    def box(
        self, left: float, bottom: float, right: float, top: float, fill: Rgb, outline: bool = True
    ) -> None:
        """Fill a rectangle, outlined by default."""
        corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
        self.shape(corners, fill, outline=outline)
