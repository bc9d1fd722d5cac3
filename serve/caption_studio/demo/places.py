"""Place → ground, water and buildings on a stage. Skies are in `backdrop`."""

from collections.abc import Callable

from caption_studio.demo.brush import Rgb, shade
from caption_studio.demo.stage import Stage


def _water(stage: Stage, colour: Rgb) -> None:
    side, top = stage.side_px, stage.horizon_px
    stage.draw.rectangle((0, top, side, side), stage.lit(colour))
    for i in range(5):
        y = top + (side - top) * (0.08 + 0.2 * i)
        stage.draw.rectangle((0, y, side, side), stage.lit(shade(colour, 0.97 - 0.04 * i)))
    foam = stage.lit(shade(colour, 1.45))
    for _ in range(26):
        x, y = stage.rng.random(), stage.rng.uniform(top / side + 0.02, 0.99)
        length, width = stage.rng.uniform(0.03, 0.1), max(1, round(stage.px(0.006)))
        stage.draw.line(
            [(stage.px(x), stage.px(y)), (stage.px(x + length), stage.px(y))], foam, width
        )


def _sea(stage: Stage) -> None:
    _water(stage, (30, 112, 168))


def _beach(stage: Stage) -> None:
    _water(stage, (40, 150, 190))
    stage.ridge(0.11, stage.lit((250, 250, 246)), 1.1, 0.015)
    stage.ridge(0.125, stage.lit((240, 208, 146)), 1.1, 0.015)
    for _ in range(30):
        x, y = stage.rng.random(), stage.rng.uniform(0.78, 1)
        stage.disc(x, y, 0.004, stage.lit((212, 174, 112)))


def _hills(stage: Stage) -> None:
    stage.ridge(-0.04, stage.lit((142, 188, 112)), 1.3, 0.04)
    stage.ridge(0.05, stage.lit((124, 178, 84)), 0.9, 0.05)
    stage.ridge(0.17, stage.lit((106, 164, 62)), 0.6, 0.03)
    for _ in range(26):
        x, y = stage.px(stage.rng.random()), stage.px(stage.rng.uniform(0.76, 1))
        tuft, width = stage.px(0.014), max(1, round(stage.px(0.005)))
        stage.draw.line([(x, y), (x + tuft / 2, y - tuft)], stage.lit((74, 130, 44)), width)


def _street(stage: Stage) -> None:
    side, top, x = stage.side_px, stage.horizon_px + stage.px(0.09), -0.03
    window = (
        (255, 224, 120) if stage.sky in ("night", "sunset", "rainy") else stage.lit((206, 222, 234))
    )
    while x < 1:
        width, height = stage.rng.uniform(0.12, 0.2), stage.rng.uniform(0.14, 0.34)
        wall = stage.lit(stage.rng.choice(((150, 120, 108), (132, 134, 146), (172, 152, 130))))
        roof = top - stage.px(height)
        stage.draw.rectangle((stage.px(x), roof, stage.px(x + width - 0.01), top), wall)
        for i in range(3):
            for j in range(int(height / 0.065)):
                left, up = stage.px(x + width * (0.14 + 0.27 * i)), roof + stage.px(0.02 + 0.06 * j)
                box = (left, up, left + stage.px(width * 0.15), up + stage.px(0.03))
                stage.draw.rectangle(box, window)
        x += width
    stage.draw.rectangle((0, top, side, side), stage.lit((186, 184, 180)))
    stage.draw.rectangle((0, top + stage.px(0.05), side, side), stage.lit((92, 94, 100)))
    shift = stage.rng.uniform(0, 0.2)
    for i in range(-1, 6):
        left = stage.px(i * 0.2 + shift)
        box = (left, stage.px(0.93), left + stage.px(0.1), stage.px(0.945))
        stage.draw.rectangle(box, stage.lit((240, 240, 236)))


def _pine(stage: Stage, x: float, foot: float, height: float, colour: Rgb, snow: bool) -> None:
    trunk = (x - 0.012, foot - 0.05, x + 0.012, foot)
    stage.draw.rectangle([stage.px(v) for v in trunk], stage.lit((94, 68, 48)))
    for i in range(3):
        top, half = foot - height * (1 - 0.24 * i), height * (0.16 + 0.07 * i)
        low = top + height * 0.42
        tier = [(x, top), (x - half, low), (x + half, low)]
        stage.draw.polygon([(stage.px(a), stage.px(b)) for a, b in tier], stage.lit(colour))
        if snow:
            cap = [
                (x, top),
                (x - half * 0.5, top + height * 0.2),
                (x + half * 0.5, top + height * 0.2),
            ]
            stage.draw.polygon(
                [(stage.px(a), stage.px(b)) for a, b in cap], stage.lit((246, 249, 253))
            )


def _snow(stage: Stage) -> None:
    stage.ridge(-0.02, stage.lit((222, 230, 242)), 1.2, 0.03)
    for _ in range(3):
        x, foot = (
            stage.rng.random(),
            stage.horizon_px / stage.side_px + stage.rng.uniform(0.05, 0.09),
        )
        _pine(stage, x, foot, stage.rng.uniform(0.12, 0.17), (70, 112, 96), True)
    stage.ridge(0.09, stage.lit((238, 243, 250)), 0.7, 0.03)
    stage.ridge(0.22, stage.lit((247, 250, 254)), 0.6, 0.02)


def _forest(stage: Stage) -> None:
    foot = stage.horizon_px / stage.side_px
    stage.ridge(0.03, stage.lit((66, 96, 54)), 0.8, 0.01)
    for row, (number, tone) in enumerate(((9, (48, 96, 70)), (8, (34, 80, 54)))):
        for i in range(number):
            x = (i + stage.rng.uniform(0.1, 0.9)) / number
            height = stage.rng.uniform(0.24, 0.34)
            _pine(stage, x, foot + 0.06 + 0.06 * row, height, tone, False)
    stage.ridge(0.14, stage.lit((78, 104, 58)), 0.7, 0.012)
    stage.ridge(0.27, stage.lit((92, 112, 62)), 0.7, 0.012)


def _lake(stage: Stage) -> None:
    top, x = stage.horizon_px + stage.px(0.03), -0.15
    while x < 1.05:
        width, height = stage.rng.uniform(0.36, 0.5), stage.rng.uniform(0.2, 0.32)
        peak = (stage.px(x + width / 2), top - stage.px(height))
        left, right = (stage.px(x), top), (stage.px(x + width), top)
        stage.draw.polygon([left, peak, right], stage.lit((112, 118, 140)))
        cap = [mix_points(peak, left, 0.3), peak, mix_points(peak, right, 0.3)]
        stage.draw.polygon(cap, stage.lit((244, 247, 252)))
        x += width * 0.62
    _water(
        Stage(stage.image, stage.draw, stage.side_px, int(top), stage.sky, stage.rng),
        (66, 140, 160),
    )


def mix_points(a: tuple[float, float], b: tuple[float, float], share: float) -> tuple[float, float]:
    """Return the point `share` of the way from `a` to `b`."""
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)


PAINT_PLACE: dict[str, Callable[[Stage], None]] = {
    "sea": _sea,
    "beach": _beach,
    "hills": _hills,
    "street": _street,
    "snow": _snow,
    "forest": _forest,
    "lake": _lake,
}
