"""Size and crop against the image processor that the describer was trained with."""

import io

import numpy as np
import pytest
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from caption_studio.images.decode import decode
from caption_studio.records import ImageBytes
from caption_studio.settings import ImageSettings

SIZES = [
    (64, 64),
    (65, 64),
    (300, 200),
    (201, 333),
    (640, 480),
    (50, 31),
    (7, 7),
    (1, 1),
    (3, 24),
    (224, 225),
    (999, 130),
]


@pytest.mark.parametrize("size_px", [64, 224])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_equals_the_clip_image_processor(size: tuple[int, int], size_px: int, mode: str) -> None:
    random = np.random.default_rng(sum(size))
    noise = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    picture = Image.fromarray(noise).convert(mode)
    file = io.BytesIO()
    picture.save(file, "PNG")

    ours = decode(ImageBytes(file.getvalue(), "image"), size_px=size_px, settings=ImageSettings())

    processor = CLIPImageProcessorPil(
        size={"shortest_edge": size_px},
        crop_size={"height": size_px, "width": size_px},
        do_normalize=False,
        do_rescale=False,
    )
    theirs = processor(picture.convert("RGB"), return_tensors="np")["pixel_values"][0]
    array = np.frombuffer(ours.data, np.uint8).reshape(size_px, size_px, 3).astype(int)
    assert abs(array - theirs.transpose(1, 2, 0)).max() <= 1
