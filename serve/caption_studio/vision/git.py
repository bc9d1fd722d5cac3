"""Pixels → Description, a batch at a time, by GIT (transformers).

The model and its processor are upstream's (`GitForCausalLM`, `GitProcessor`); the call is
the model card's: greedy `generate(pixel_values=…, max_length=50)`. Not here: decoding and
resizing (images.decode gives pixels at the model's input size), batching (vision.batches).
"""

import logging
from collections.abc import Sequence

import numpy as np
import torch
from transformers import AutoProcessor, GitForCausalLM

from caption_studio.records import Description, Pixels
from caption_studio.settings import VisionSettings, model_location

logger = logging.getLogger(__name__)


class GitDescriber:
    """One GIT on one device.

    `load` acquires the weights; `describe` blocks, so call it from a worker thread, one
    call at a time.
    """

    def __init__(self, settings: VisionSettings) -> None:
        self._settings = settings

    def load(self) -> None:
        """Load model and processor.

        Raises:
            ValueError: `image_size_px` of the settings is not the model's.
            OSError: no such model.
        """
        settings = self._settings
        torch.set_num_threads(settings.threads)
        location = model_location(settings.model)
        self._processor = AutoProcessor.from_pretrained(location, revision=settings.revision)
        self._model = GitForCausalLM.from_pretrained(
            location, revision=settings.revision, dtype=getattr(torch, settings.dtype)
        )
        self._model.eval().to(settings.device)
        expected = self._model.config.vision_config.image_size
        if expected != settings.image_size_px:
            raise ValueError(
                f"vision.image_size_px is {settings.image_size_px}, "
                f"but {settings.model} takes {expected} px"
            )
        logger.info("describer loaded", extra={"model": settings.model})

    @torch.inference_mode()
    def describe(self, batch: Sequence[Pixels]) -> list[Description]:
        """Return one description for each picture, in order: uint8 [H, W, 3], RGB each."""
        pictures = [
            np.frombuffer(pixels.data, np.uint8).reshape(pixels.height_px, pixels.width_px, 3)
            for pixels in batch
        ]
        inputs = self._processor(
            images=pictures,
            do_resize=False,
            do_center_crop=False,
            input_data_format="channels_last",
            return_tensors="pt",
        )
        token_ids = self._model.generate(
            pixel_values=inputs.pixel_values.to(self._settings.device, self._model.dtype),
            max_length=self._settings.max_length,
            do_sample=False,
        )
        texts = self._processor.batch_decode(token_ids, skip_special_tokens=True)
        return [Description(text.strip()) for text in texts]
