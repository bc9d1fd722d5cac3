"""Painted pictures, as files and as the describer's pixels."""

import io
from pathlib import Path

from caption_studio.demo.painter import paint
from caption_studio.demo.scenes import HELD_OUT_SEEDS, sample_scene
from caption_studio.images.decode import decode
from caption_studio.records import ImageBytes, Pixels
from caption_studio.settings import Settings

SIDE_PX = 128


def files_in(folder: Path, count: int) -> None:
    """Paint so many pictures into the folder, where they are not there already."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = folder / f"{number:05}.jpg"
        if not path.exists():
            path.write_bytes(_encoded(number))


def pixels_of(count: int) -> list[Pixels]:
    """Return so many pictures as the describer gets them."""
    settings = Settings()
    return [
        decode(
            ImageBytes(_encoded(number), "picture"),
            size_px=settings.vision.image_size_px,
            settings=settings.images,
        )
        for number in range(count)
    ]


def _encoded(number: int) -> bytes:
    seed = HELD_OUT_SEEDS[number]
    buffer = io.BytesIO()
    paint(sample_scene(seed), seed, SIDE_PX).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
