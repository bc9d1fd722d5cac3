"""`Found` → the table on the terminal and the files of the result."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.gpu.limits import Card
from benchmarks.gpu.records import Found, line
from benchmarks.gpu.targets import Verdict
from benchmarks.hardware import describe


def table(card: Card, found: Found, verdicts: Sequence[Verdict], models: str) -> str:
    """Return all results as text."""
    rows = [
        f"{card.name}: copies {card.copied_bytes_per_s / 1e12:.2f} TB/s, "
        f"matrix products {card.operations_per_s / 1e12:.0f} TFLOP/s (measured); weights {models}",
        *map(line, found.figures),
        *found.notes,
        *(f"MISSING {missing.piece}: {missing.reason}" for missing in found.missing),
    ]
    words = {True: "met", False: "MISSED", None: "not measured"}
    for verdict in verdicts:
        bound = f"at {'most' if verdict.target.at_most else 'least'} {verdict.target.bound:g}"
        value = "" if verdict.value is None else f"{verdict.value:.4g}, "
        rows.append(f"{words[verdict.met]:<13}{verdict.target.name}: {value}{bound}")
    return "\n".join(rows)


def write(
    folder: Path,
    card: Card,
    found: Found,
    verdicts: Sequence[Verdict],
    models: dict[str, Any],
    *,
    part: str = "",
) -> Path:
    """Write `gpu-CARD.json`, with `part` in its name, and the texts; return its path."""
    name = "gpu-" + "-".join(card.name.lower().split()) + part
    folder.mkdir(parents=True, exist_ok=True)
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "card": asdict(card),
        "models": models,
        "ratios": {v.target.name: v.value for v in verdicts if v.value is not None},
        "targets": {v.target.name: v.target.bound for v in verdicts},
        "missed": [v.target.name for v in verdicts if v.met is False],
        "missing": [asdict(missing) for missing in found.missing],
        "notes": found.notes,
        "figures": [asdict(f) | {"share_of_limit": f.share_of_limit} for f in found.figures],
        "environment": asdict(describe()),
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    for file, text in found.texts.items():
        (folder / f"{name}-{file}").write_text(text)
    return path
