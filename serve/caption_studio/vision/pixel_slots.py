"""Pixels → the device, while they wait: each picture is copied into a slot on arrival.

On a GPU the copies run in parallel with the model's work, from pinned memory.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caption_studio.records import Pixels


class PixelSlots:
    """Room for `count` pictures of `side_px` by `side_px`."""

    def __init__(self, count: int, side_px: int, device: torch.device) -> None:
        shape = (count, side_px, side_px, 3)
        on_gpu = device.type == "cuda"
        host = torch.empty(shape, dtype=torch.uint8, pin_memory=on_gpu)
        self._host = host
        self._array = host.numpy()
        self._device = torch.empty_like(host, device=device) if on_gpu else host
        self._uploads = torch.cuda.Stream(device) if on_gpu else None  # type: ignore[no-untyped-call]
        self._free = list(range(count))

    def put(self, pixels: Pixels) -> int:
        """Copy uint8 [H, W, 3] into a free slot and return its number; from any thread.

        Raises:
            ValueError: the picture is of another size.
            IndexError: no slot is free.
        """
        picture = np.frombuffer(pixels.data, np.uint8).reshape(self._array.shape[1:])
        slot = self._free.pop()
        try:
            self._copy(picture, slot)
        except BaseException:
            self._free.append(slot)
            raise
        return slot

    def _copy(self, picture: NDArray[np.uint8], slot: int) -> None:
        self._array[slot] = picture
        if self._uploads is not None:
            with torch.cuda.stream(self._uploads):
                self._device[slot].copy_(self._host[slot], non_blocking=True)

    def gather(self, slots: Sequence[int]) -> Tensor:
        """Return the pictures, uint8 [slots, H, W, 3]; work queued next may read them."""
        if self._uploads is not None:
            torch.cuda.current_stream().wait_stream(self._uploads)
        return self._device.index_select(0, torch.tensor(slots, device=self._device.device))

    def give_back(self, slots: Sequence[int]) -> None:
        """Free slots whose `gather`, if there was one, has run on the device."""
        self._free += slots
