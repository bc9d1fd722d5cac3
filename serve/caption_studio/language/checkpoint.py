"""A checkpoint's tensors, one at a time: read from any format, written as safetensors.

For checkpoints that are too large to hold in memory. Blocking: for a worker thread.
"""

import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

FILE_BYTES = 2 * 1024**3
"""Size at which a file is written; memory holds that much."""

_FORMS = ("model.safetensors", "pytorch_model.bin")
"""The first that exists is read, as one file or, through its index, as several."""


def read(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield names and tensors. Raises `OSError` where there is no checkpoint."""
    for form in _FORMS:
        for name in (f"{form}.index.json", form):
            if (folder / name).is_file():
                yield from _read_all(folder / name)
                return
    raise OSError(f"{folder} has no weights")


def write(tensors: Iterable[tuple[str, torch.Tensor]], folder: Path) -> None:
    """Write the tensors to files of about `FILE_BYTES` each, with an index if there are several."""
    files: list[list[str]] = []
    part: dict[str, torch.Tensor] = {}
    size = total = 0
    for name, tensor in tensors:
        part[name] = tensor.contiguous()
        size += tensor.nbytes
        if size >= FILE_BYTES:
            files.append(_write_part(part, folder, len(files)))
            total, size, part = total + size, 0, {}
    if part:
        files.append(_write_part(part, folder, len(files)))
        total += size
    names = [_file_name(number, len(files)) for number in range(len(files))]
    for number, name in enumerate(names):
        (folder / _part_name(number)).rename(folder / name)
    if len(files) > 1:
        places = {tensor: name for name, held in zip(names, files, strict=True) for tensor in held}
        index = {"metadata": {"total_size": total}, "weight_map": places}
        (folder / f"{_FORMS[0]}.index.json").write_text(json.dumps(index))


def _read_all(first: Path) -> Iterator[tuple[str, torch.Tensor]]:
    if first.suffix != ".json":
        yield from _read_file(first)
        return
    names = json.loads(first.read_text())["weight_map"].values()
    for name in dict.fromkeys(names):
        yield from _read_file(first.with_name(name))


def _read_file(path: Path) -> Iterator[tuple[str, torch.Tensor]]:
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            for name in file.keys():
                yield name, file.get_tensor(name)
    else:
        mapped = zipfile.is_zipfile(path)  # torch's format before 1.6 is no zip
        yield from torch.load(path, map_location="cpu", weights_only=True, mmap=mapped).items()


def _write_part(part: dict[str, torch.Tensor], folder: Path, number: int) -> list[str]:
    save_file(part, folder / _part_name(number), {"format": "pt"})
    return [*part]


def _part_name(number: int) -> str:
    return f"part-{number}"


def _file_name(number: int, of: int) -> str:
    return _FORMS[0] if of == 1 else f"model-{number + 1:05}-of-{of:05}.safetensors"
