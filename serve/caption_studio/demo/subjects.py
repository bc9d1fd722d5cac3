"""Subject and colour → shapes on a canvas. Backgrounds are in `backdrop`, layout in `painter`."""

from collections.abc import Callable

from caption_studio.demo.brush import Brush, Rgb, outline_of, shade

COLOURS: dict[str, Rgb] = {
    "red": (214, 36, 40),
    "orange": (250, 132, 16),
    "yellow": (252, 216, 44),
    "green": (26, 150, 74),
    "blue": (36, 92, 214),
    "purple": (128, 54, 176),
    "pink": (250, 132, 188),
    "white": (249, 249, 246),
    "black": (30, 30, 34),
    "brown": (116, 68, 32),
}

_GLASS: Rgb = (196, 226, 240)
_TYRE: Rgb = (38, 38, 42)
_METAL: Rgb = (176, 180, 186)
_WOOD: Rgb = (120, 84, 52)
_BEAK: Rgb = (244, 150, 30)


def _sailboat(b: Brush) -> None:
    b.line([(0, 0.1), (0, 0.98)], _WOOD, 0.03)
    b.shape([(0.03, 0.24), (0.03, 0.96), (0.42, 0.24)], b.colour)
    b.shape([(-0.04, 0.24), (-0.04, 0.8), (-0.32, 0.24)], shade(b.colour, 1.18))
    b.shape([(-0.46, 0.2), (0.46, 0.2), (0.3, 0), (-0.32, 0)], shade(b.colour, 0.86))


def _duck(b: Brush) -> None:
    b.shape([(-0.48, 0.46), (-0.3, 0.18), (-0.2, 0.36)], b.colour)
    b.oval(-0.42, 0.0, 0.32, 0.44, b.colour)
    b.oval(0.08, 0.36, 0.42, 0.72, b.colour)
    b.oval(-0.28, 0.12, 0.1, 0.34, shade(b.colour, 0.86) if sum(b.colour) > 150 else (70, 70, 78))
    b.shape([(0.39, 0.58), (0.54, 0.5), (0.38, 0.46)], _BEAK, outline=False)
    b.oval(0.24, 0.55, 0.31, 0.62, (20, 20, 20), outline=False)


def _balloon(b: Brush) -> None:
    b.line([(-0.1, 0.14), (-0.16, 0.36)], _WOOD, 0.02)
    b.line([(0.1, 0.14), (0.16, 0.36)], _WOOD, 0.02)
    b.shape([(-0.33, 0.52), (0.33, 0.52), (0.12, 0.24), (-0.12, 0.24)], b.colour)
    b.oval(-0.37, 0.34, 0.37, 1.02, b.colour)
    b.shape([(-0.31, 0.5), (0.31, 0.5), (0.11, 0.26), (-0.11, 0.26)], b.colour, outline=False)
    b.oval(-0.17, 0.36, 0.17, 1.01, shade(b.colour, 1.2), outline=False)
    b.shape(
        [(-0.15, 0.56), (0.15, 0.56), (0.06, 0.26), (-0.06, 0.26)],
        shade(b.colour, 1.2),
        outline=False,
    )
    b.box(-0.11, 0.0, 0.11, 0.15, _WOOD, outline=False)


def _kite(b: Brush) -> None:
    tail = [(0.0, 0.3), (0.08, 0.2), (-0.02, 0.1), (0.1, 0.0), (0.02, -0.1)]
    b.line(tail, shade(b.colour, 0.7), 0.025)
    for x, y in tail[1:]:
        b.shape(
            [
                (x - 0.07, y + 0.03),
                (x - 0.07, y - 0.03),
                (x + 0.07, y + 0.03),
                (x + 0.07, y - 0.03),
            ],
            b.colour,
            outline=False,
        )
    b.shape([(0, 1.0), (0.36, 0.66), (0, 0.24), (-0.36, 0.66)], b.colour)
    b.shape([(0, 1.0), (0.36, 0.66), (0, 0.66)], shade(b.colour, 1.2), outline=False)
    b.shape([(0, 0.24), (-0.36, 0.66), (0, 0.66)], shade(b.colour, 1.2), outline=False)
    b.line([(0, 0.98), (0, 0.26)], outline_of(b.colour), 0.02)
    b.line([(-0.35, 0.66), (0.35, 0.66)], outline_of(b.colour), 0.02)


def _bird(b: Brush) -> None:
    b.shape(
        [(-0.1, 0.38), (-0.3, 0.84), (-0.5, 0.92), (-0.38, 0.62), (-0.2, 0.3)],
        shade(b.colour, 1.08),
    )
    b.shape([(-0.34, 0.3), (-0.52, 0.36), (-0.5, 0.2)], b.colour)
    b.oval(-0.38, 0.18, 0.24, 0.44, b.colour)
    b.shape(
        [(0.06, 0.36), (0.06, 0.82), (0.24, 1.0), (0.22, 0.66), (0.16, 0.34)], shade(b.colour, 1.08)
    )
    b.oval(0.12, 0.26, 0.38, 0.52, b.colour)
    b.shape([(0.36, 0.44), (0.52, 0.38), (0.36, 0.34)], _BEAK, outline=False)
    b.oval(
        0.25,
        0.39,
        0.31,
        0.45,
        (20, 20, 20) if sum(b.colour) > 150 else (240, 240, 240),
        outline=False,
    )


def _airplane(b: Brush) -> None:
    b.shape([(-0.44, 0.5), (-0.5, 0.82), (-0.38, 0.82), (-0.24, 0.54)], shade(b.colour, 0.86))
    b.shape([(0.02, 0.52), (-0.16, 0.78), (-0.06, 0.78), (0.2, 0.52)], shade(b.colour, 0.8))
    b.shape(
        [(-0.5, 0.52), (-0.4, 0.58), (0.3, 0.6), (0.48, 0.5), (0.42, 0.4), (-0.3, 0.38)], b.colour
    )
    b.shape([(0.08, 0.46), (-0.26, 0.14), (-0.14, 0.14), (0.28, 0.44)], shade(b.colour, 0.86))
    for x in (-0.22, -0.1, 0.02, 0.14):
        b.oval(x, 0.49, x + 0.06, 0.55, _GLASS, outline=False)
    b.shape([(0.3, 0.57), (0.42, 0.52), (0.32, 0.51)], _GLASS, outline=False)


def _wheels(b: Brush, centres: tuple[float, float], radius: float) -> None:
    for x in centres:
        b.oval(x - radius, 0, x + radius, 2 * radius, _TYRE, outline=False)
        b.oval(x - radius / 2, radius / 2, x + radius / 2, 1.5 * radius, _METAL, outline=False)


def _car(b: Brush) -> None:
    b.shape([(-0.32, 0.34), (-0.2, 0.58), (0.16, 0.58), (0.32, 0.34)], b.colour)
    b.shape([(-0.25, 0.36), (-0.16, 0.53), (-0.03, 0.53), (-0.03, 0.36)], _GLASS, outline=False)
    b.shape([(0.02, 0.36), (0.02, 0.53), (0.13, 0.53), (0.24, 0.36)], _GLASS, outline=False)
    b.shape(
        [(-0.5, 0.1), (-0.5, 0.32), (-0.44, 0.37), (0.38, 0.37), (0.5, 0.28), (0.5, 0.1)], b.colour
    )
    b.box(0.44, 0.22, 0.5, 0.29, (255, 240, 170), outline=False)
    _wheels(b, (-0.28, 0.28), 0.11)


def _bus(b: Brush) -> None:
    b.box(-0.5, 0.1, 0.5, 0.74, b.colour)
    for x in (-0.44, -0.23, -0.02, 0.19):
        b.box(x, 0.44, x + 0.16, 0.65, _GLASS, outline=False)
    b.box(0.39, 0.36, 0.49, 0.65, _GLASS, outline=False)
    b.box(-0.49, 0.28, 0.37, 0.33, shade(b.colour, 0.72), outline=False)
    _wheels(b, (-0.28, 0.26), 0.1)


def _umbrella(b: Brush) -> None:
    b.line([(0, 0), (0, 0.96)], _WOOD, 0.045)
    arc = [(-0.5, 0.52), (-0.46, 0.68), (-0.36, 0.82), (-0.2, 0.91), (0, 0.94)]
    rim = [(0.33, 0.57), (0.17, 0.52), (0, 0.57), (-0.17, 0.52), (-0.33, 0.57)]
    b.shape([*arc, *((-x, y) for x, y in arc[-2::-1]), *rim], b.colour)
    b.shape(
        [(0, 0.94), (-0.17, 0.53), (0, 0.57), (0.17, 0.53)], shade(b.colour, 1.22), outline=False
    )
    b.shape(
        [(0, 0.94), (-0.36, 0.8), (-0.5, 0.52), (-0.33, 0.57)], shade(b.colour, 0.88), outline=False
    )
    b.shape(
        [(0, 0.94), (0.36, 0.8), (0.5, 0.52), (0.33, 0.57)], shade(b.colour, 0.88), outline=False
    )


def _tent(b: Brush) -> None:
    b.shape([(-0.5, 0), (0.02, 0.74), (0.5, 0)], b.colour)
    b.shape([(0.02, 0.74), (0.5, 0), (0.22, 0)], shade(b.colour, 0.84), outline=False)
    b.shape([(0.02, 0.5), (-0.16, 0), (0.18, 0)], (46, 42, 48), outline=False)
    b.shape([(0.02, 0.5), (-0.16, 0), (-0.05, 0)], shade(b.colour, 1.25), outline=False)
    b.line([(0.02, 0.72), (0.02, 0.84)], _WOOD, 0.03)


def _house(b: Brush) -> None:
    roof: Rgb = (92, 72, 76)
    b.box(0.16, 0.62, 0.27, 0.92, roof, outline=False)
    b.box(-0.4, 0, 0.4, 0.52, b.colour)
    b.shape([(-0.5, 0.5), (0, 0.9), (0.5, 0.5)], roof, outline=False)
    b.box(-0.09, 0, 0.09, 0.3, _WOOD, outline=False)
    for x in (-0.32, 0.16):
        b.box(x, 0.2, x + 0.16, 0.38, (255, 236, 160), outline=False)
        b.line([(x + 0.08, 0.2), (x + 0.08, 0.38)], roof, 0.02)


def _cat(b: Brush) -> None:
    tail = [(0.18, 0.06), (0.36, 0.08), (0.42, 0.24), (0.34, 0.42), (0.4, 0.54)]
    b.line(tail, outline_of(b.colour), 0.115)
    b.line(tail, b.colour, 0.075)
    b.shape(
        [(-0.26, 0), (-0.22, 0.3), (-0.12, 0.52), (0.12, 0.52), (0.22, 0.3), (0.26, 0)], b.colour
    )
    b.shape([(-0.22, 0.7), (-0.23, 1.0), (-0.03, 0.84)], b.colour)
    b.shape([(0.22, 0.7), (0.23, 1.0), (0.03, 0.84)], b.colour)
    b.oval(-0.25, 0.44, 0.25, 0.88, b.colour)
    for x in (-0.1, 0.1):
        b.oval(x - 0.045, 0.64, x + 0.045, 0.75, (120, 200, 90), outline=False)
        b.oval(x - 0.015, 0.65, x + 0.015, 0.74, (20, 20, 20), outline=False)
    b.shape([(-0.035, 0.6), (0.035, 0.6), (0, 0.56)], (236, 140, 150), outline=False)


def _dog(b: Brush) -> None:
    dark = shade(b.colour, 0.7) if sum(b.colour) > 150 else (78, 78, 86)
    b.line([(-0.36, 0.5), (-0.46, 0.62), (-0.46, 0.74)], outline_of(b.colour), 0.1)
    b.line([(-0.36, 0.5), (-0.46, 0.62), (-0.46, 0.74)], b.colour, 0.06)
    for x in (-0.38, -0.22, 0.06, 0.2):
        b.box(x, 0, x + 0.1, 0.36, b.colour)
    b.oval(-0.42, 0.24, 0.34, 0.58, b.colour)
    b.oval(0.14, 0.44, 0.46, 0.8, b.colour)
    b.oval(0.3, 0.46, 0.54, 0.64, b.colour)
    b.oval(
        0.48,
        0.55,
        0.55,
        0.62,
        (20, 20, 20) if sum(b.colour) > 150 else (200, 200, 205),
        outline=False,
    )
    b.oval(0.1, 0.46, 0.24, 0.8, dark)
    b.oval(
        0.31,
        0.66,
        0.37,
        0.72,
        (20, 20, 20) if sum(b.colour) > 150 else (240, 240, 240),
        outline=False,
    )


def _flower(b: Brush) -> None:
    b.line([(0, 0), (0.02, 0.3), (0, 0.62)], (52, 120, 50), 0.055)
    b.shape([(0.01, 0.16), (0.2, 0.34), (0.24, 0.22)], (62, 138, 58), outline=False)
    b.shape([(0.01, 0.1), (-0.2, 0.28), (-0.24, 0.16)], (62, 138, 58), outline=False)
    petals = ((0, 0.2), (0.19, 0.062), (0.118, -0.16), (-0.118, -0.16), (-0.19, 0.062))
    for x, y in petals:
        b.oval(x - 0.16, 0.68 + y - 0.16, x + 0.16, 0.68 + y + 0.16, b.colour)
    centre = (150, 90, 30) if b.colour[0] > 220 and b.colour[2] < 90 else (252, 208, 60)
    b.oval(-0.11, 0.57, 0.11, 0.79, centre, outline=False)


SHAPES: dict[str, Callable[[Brush], None]] = {
    "sailboat": _sailboat,
    "duck": _duck,
    "balloon": _balloon,
    "kite": _kite,
    "bird": _bird,
    "airplane": _airplane,
    "car": _car,
    "bus": _bus,
    "umbrella": _umbrella,
    "tent": _tent,
    "house": _house,
    "cat": _cat,
    "dog": _dog,
    "flower": _flower,
}
"""One drawing function per subject of `scenes.SUBJECTS`."""
