"""Weight files of an adapter → tensors, without running code that a file may hold.

Blocking: for a worker thread.
"""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from caption_studio.errors import InvalidAdapter
from caption_studio.language.adapters.fetch import too_large

DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


def read(path: Path) -> Mapping[str, torch.Tensor]:
    """Return the tensors of a safetensors file. Raises `InvalidAdapter`."""
    try:
        return load_file(path)
    except (SafetensorError, ValueError, KeyError) as error:
        raise InvalidAdapter(
            "The adapter's weights are no safetensors file, or a damaged one.", param="source"
        ) from error


def names(path: Path) -> Sequence[str]:
    """Return the names of the tensors in a safetensors file that can be read."""
    with safe_open(path, framework="pt") as file:
        return list(file.keys())


def convert(old: Path, new: Path, *, max_bytes: int) -> None:
    """Write torch's older form, `adapter_model.bin`, as safetensors.

    Raises `InvalidAdapter`, also if the file holds anything but tensors, or more than `max_bytes`.
    """
    try:
        # torch.load inflates whatever is compressed; torch.save compresses nothing. Its form
        # before torch 1.6 is no archive, and cannot be compressed.
        if zipfile.is_zipfile(old):
            with zipfile.ZipFile(old) as archive:
                unpacked_bytes = sum(entry.file_size for entry in archive.infolist())
            if unpacked_bytes > max_bytes:
                raise too_large()
        tensors = torch.load(old, map_location="cpu", weights_only=True)
    except InvalidAdapter:
        raise
    except Exception as error:
        # A hostile pickle can make torch raise anything: the file is at fault.
        raise InvalidAdapter(
            "The adapter's weights are no file of torch.save, or hold more than tensors.",
            param="source",
        ) from error
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor)
        for name, tensor in tensors.items()
    ):
        raise InvalidAdapter("The adapter's weights are no table of tensors.", param="source")
    # A view may claim far more elements than are stored.
    if sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) > max_bytes:
        raise too_large()
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, new)


def is_floating(tensor: torch.Tensor) -> bool:
    """Return whether its numbers are of a kind that vLLM casts to the model's."""
    return tensor.dtype in DTYPES


def is_finite(tensor: torch.Tensor) -> bool:
    """Return whether it holds neither NaN nor infinity."""
    return bool(torch.isfinite(tensor).all())


def is_zero(tensor: torch.Tensor) -> bool:
    """Return whether all of it is zero."""
    return not bool(tensor.any())
