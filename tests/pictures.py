"""Pictures as callers send them, painted by the demo's painter from held-out seeds."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from caption_studio.demo.painter import paint
from caption_studio.demo.scenes import HELD_OUT_SEEDS, Scene, sample_scene


@dataclass(frozen=True)
class Picture:
    """A painted scene and what is truly in it."""

    scene: Scene
    image: Image.Image

    def encoded(self, image_format: str = "PNG") -> bytes:
        buffer = io.BytesIO()
        self.image.save(buffer, image_format)
        return buffer.getvalue()

    def data_url(self, image_format: str = "PNG") -> str:
        data = base64.b64encode(self.encoded(image_format)).decode()
        return f"data:image/{image_format.lower()};base64,{data}"


def held_out(count: int, *, size_px: int = 256, skip: int = 0) -> Iterator[Picture]:
    """Paint scenes from seeds that training never used."""
    for seed in HELD_OUT_SEEDS[skip : skip + count]:
        scene = sample_scene(seed)
        yield Picture(scene, paint(scene, seed, size_px))


def image_part(url: str) -> dict[str, object]:
    """The part of a chat message that holds a picture."""
    return {"type": "image_url", "image_url": {"url": url}}
