"""GIT by itself, no server: transformers' `generate` on pictures that are ready, in batches.

Decoding and resizing are done before: what is timed is pixel values → texts.
"""

import io
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import AutoProcessor, GitForCausalLM

from benchmarks.peers.alone import Windows, arguments, write
from benchmarks.peers.records import RoundRecord, Row
from benchmarks.peers.servers.captioning import DESCRIPTION_MAX_LENGTH
from benchmarks.pictures import paint
from benchmarks.scenario import PictureKind

PICTURES = 256
BATCHES = {"alone-describe-64": 64, "alone-describe-1": 1}


class BareGit:
    """The model, the processor, and pictures as pixel values."""

    def __init__(self, folder: Path) -> None:
        self._processor = AutoProcessor.from_pretrained(folder)
        self._model = GitForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def pixel_values(self, count: int) -> torch.Tensor:
        """Return the first pictures of the client's seed: float32 [count, 3, H, W]."""
        pictures = [
            Image.open(io.BytesIO(paint(PictureKind(), seed=1, number=number))).convert("RGB")
            for number in range(count)
        ]
        values: torch.Tensor = self._processor(images=pictures, return_tensors="pt").pixel_values
        return values

    @torch.inference_mode()
    def describe(self, pixel_values: torch.Tensor) -> list[str]:
        """Return one description for each picture."""
        token_ids = self._model.generate(
            pixel_values=pixel_values, max_length=DESCRIPTION_MAX_LENGTH, do_sample=False
        )
        texts = self._processor.batch_decode(token_ids, skip_special_tokens=True)
        return [text.strip() for text in texts]


def measure(git: BareGit, pixels: torch.Tensor, load: str, windows: Windows) -> list[RoundRecord]:
    """Describe batch after batch for each round's warm-up and window.

    The window is stretched to whole batches: a batch may take longer than what is left.
    """
    records = []
    for round_ in range(windows.repeats):
        batches = itertools.cycle(torch.split(pixels, BATCHES[load]))
        started = time.monotonic()
        rows = _describe_for(git, batches, windows.warmup_s, started)
        begin_s = time.monotonic() - started
        rows += _describe_for(git, batches, begin_s + windows.window_s, started)
        length_s = time.monotonic() - started - begin_s
        records.append(RoundRecord(load, round_, begin_s, length_s, rows))
    return records


def _describe_for(
    git: BareGit, batches: Iterator[torch.Tensor], until_s: float, started: float
) -> list[Row]:
    rows: list[Row] = []
    while (due_s := time.monotonic() - started) < until_s:
        texts = git.describe(next(batches))
        done_s = time.monotonic() - started
        rows += [Row(due_s, done_s, None, 0, True) for _ in texts]
    return rows


def main() -> None:
    """Measure both batch sizes and write the records."""
    parser = arguments()
    parser.add_argument("--git", type=Path, required=True, metavar="DIR")
    chosen = parser.parse_args()
    git = BareGit(chosen.git)
    pixels = git.pixel_values(PICTURES)
    windows = Windows.of(chosen)
    records: list[Any] = []
    for load in BATCHES:
        records += measure(git, pixels, load, windows)
    write(records, chosen.output)


if __name__ == "__main__":
    main()
