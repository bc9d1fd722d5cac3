"""`log.jsonl`: one line for each step and each evaluation, kept whatever happens.

A step has `step`, `loss`, `learning_rate`, `gradient_norm`, `tokens_per_s` and `time_s` (since the
beginning, pauses left out); an evaluation `step`, `eval_loss`, `time_s` and `samples`. After a
resumption steps may come again: the last line of a step holds.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAME = "log.jsonl"


@dataclass(slots=True)
class Journal:
    """Appends to the log in a folder; each line is on the disk when it returns."""

    folder: Path

    def write(self, entry: dict[str, Any]) -> None:
        """Append one line; it is not joined to half a line that a killed process left."""
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        with (self.folder / NAME).open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else b"\n" + line
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> "History":
        """Return what was logged; half a line, of a process that was killed, is left out."""
        history = History()
        for entry in self._entries():
            history.add(entry)
        return history

    def time_s(self, step: int) -> float:
        """Return the seconds that training had taken after this step."""
        times = [e["time_s"] for e in self._entries() if e["step"] <= step and "time_s" in e]
        return max(times, default=0.0)

    def _entries(self) -> Iterator[dict[str, Any]]:
        path = self.folder / NAME
        if not path.exists():
            return
        # Not `splitlines`: a sample may have a line separator of Unicode in it.
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict) and "step" in entry:
                yield entry


@dataclass(slots=True)
class History:
    """The log by steps: the loss of each step, the validation's loss of each evaluation."""

    losses: dict[int, float] = field(default_factory=dict)
    eval_losses: dict[int, float] = field(default_factory=dict)
    samples: dict[int, list[dict[str, str]]] = field(default_factory=dict)
    time_s: float = 0.0

    def add(self, entry: dict[str, Any]) -> None:
        """Take one line into account."""
        step = entry["step"]
        if "loss" in entry:
            self.losses[step] = entry["loss"]
        if "eval_loss" in entry:
            self.eval_losses[step] = entry["eval_loss"]
            self.samples[step] = entry.get("samples", [])
        self.time_s = entry.get("time_s", self.time_s)

    def last_loss(self, steps: int = 50) -> float:
        """Return the mean loss of the last steps; NaN before the first."""
        last = [self.losses[step] for step in sorted(self.losses)[-steps:]]
        return sum(last) / len(last) if last else float("nan")

    def best(self) -> tuple[int, float]:
        """Return the step whose validation loss is the lowest, after the first step, and the loss.

        The first of equals, as transformers keeps it.
        """
        trained = {step: loss for step, loss in self.eval_losses.items() if step > 0}
        step = min(sorted(trained), key=trained.__getitem__)
        return step, trained[step]
