"""GIT by itself, without a server: our describer's engine on prepared pictures.

Decoding and resizing are done before; pixels → texts is timed, on all cores.
"""

import asyncio
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.describer import models
from benchmarks.describer.ways import Ours
from benchmarks.peers.alone import Windows, arguments, write
from benchmarks.peers.records import RoundRecord, Row
from caption_studio.records import Pixels
from caption_studio.settings import VisionSettings
from caption_studio.vision.git import load as load_git

PICTURES = 256
ROWS = 64
IN_FLIGHT = {"alone-describe-64": 64, "alone-describe-1": 1}


class BareDescriber:
    """The engine, without the cache of descriptions, and the pictures of the client's seed."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        settings = VisionSettings(model=str(folder.absolute()), threads=threads)
        self._engine = Ours(load_git(settings), ROWS)
        self.pictures = models.pictures(settings.image_size_px, PICTURES)

    async def describe(self, pixels: Pixels) -> str:
        """Return the description of one picture."""
        return await self._engine.describe(pixels)

    def stop(self) -> None:
        """End the engine's thread."""
        self._engine.close()


async def measure(bare: BareDescriber, load: str, windows: Windows) -> list[RoundRecord]:
    """Keep a load's number of pictures in flight for each round's warm-up and window."""
    pictures = itertools.cycle(bare.pictures)
    records = []
    for round_ in range(windows.repeats):
        rows = await _describe_for(
            bare, pictures, IN_FLIGHT[load], windows.warmup_s + windows.window_s
        )
        records.append(RoundRecord(load, round_, windows.warmup_s, windows.window_s, rows))
    return records


async def _describe_for(
    bare: BareDescriber, pictures: Iterator[Pixels], in_flight: int, until_s: float
) -> list[Row]:
    rows: list[Row] = []
    started = time.monotonic()

    async def caller() -> None:
        while (due_s := time.monotonic() - started) < until_s:
            await bare.describe(next(pictures))
            rows.append(Row(due_s, time.monotonic() - started, None, 0, True))

    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return rows


async def main() -> None:
    """Measure both loads and write the records."""
    parser = arguments()
    parser.add_argument("--git", type=Path, required=True, metavar="DIR")
    chosen = parser.parse_args()
    bare = BareDescriber(chosen.git, threads=os.cpu_count() or 1)
    records: list[RoundRecord] = []
    try:
        for load in IN_FLIGHT:
            records += await measure(bare, load, Windows.of(chosen))
    finally:
        bare.stop()
    write(records, chosen.output)


if __name__ == "__main__":
    asyncio.run(main())
