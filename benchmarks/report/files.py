"""Results → files: everything as JSON, and the raw samples as JSON lines and CSV."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.calibrate import Ceiling
from benchmarks.load.sample import Sample
from benchmarks.report.rows import load_text
from benchmarks.run import Result

COLUMNS = (
    "load",
    "repeat",
    "index",
    "model",
    "streamed",
    "outcome",
    "status",
    "scheduled_s",
    "sent_s",
    "first_s",
    "last_s",
    "done_s",
    "e2e_s",
    "ttft_s",
    "itl_s",
    "prompt_tokens",
    "completion_tokens",
    "captions",
    "sent_bytes",
    "received_bytes",
    "error",
)


def write_files(folder: Path, results: Sequence[Result], ceilings: Sequence[Ceiling]) -> None:
    """Write `result.json`, `samples.jsonl` and `samples.csv` into an existing folder."""
    value = {
        "results": [_summary(result) for result in results],
        "client_ceiling": [asdict(ceiling) for ceiling in ceilings],
    }
    (folder / "result.json").write_text(json.dumps(value, indent=1) + "\n")
    with (folder / "samples.jsonl").open("w") as lines:
        for place, sample in _samples(results):
            lines.write(json.dumps(place | asdict(sample)) + "\n")
    with (folder / "samples.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for place, sample in _samples(results):
            values = {name: getattr(sample, name) for name in COLUMNS if name not in place}
            writer.writerow(place | values)


def _samples(results: Sequence[Result]) -> Iterator[tuple[dict[str, Any], Sample]]:
    for result in results:
        for number, repeat in enumerate(result.repeats):
            place = {"load": load_text(result.scenario.load), "repeat": number}
            yield from ((place, sample) for sample in repeat.round.samples)


def _summary(result: Result) -> dict[str, Any]:
    return {
        "started": result.started,
        "url": result.endpoint.url,
        "scenario": result.scenario.model_dump(mode="json"),
        "environment": asdict(result.environment),
        "repeats": [
            {
                "figures": asdict(repeat.figures),
                "distinct_pictures": repeat.round.distinct_pictures,
                "client_limits": repeat.client_limits,
                "client": [
                    {"cpu_share": effort.cpu_share, "wall_s": effort.wall_s}
                    for effort in repeat.round.efforts
                ],
            }
            for repeat in result.repeats
        ],
    }
