"""Where a data set and what belongs to it are written, whole or not at all."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from caption_studio.training.dataset.items import Apart
from caption_studio.training.dataset.texts import well_formed
from caption_studio.training.files import write_whole
from caption_studio.training.rows import DataSetError

SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True)
class Outputs:
    """The files of the data set at `rows`, beside it."""

    rows: Path

    @property
    def journal(self) -> Path:
        """What was paid for."""
        return self.rows.with_name(f"{self.rows.name}.journal")

    @property
    def apart(self) -> Path:
        """What is not in the data set."""
        return self.rows.with_suffix(f".apart{SUFFIX}")

    @property
    def card(self) -> Path:
        """What the data set was made of."""
        return self.rows.with_suffix(".md")

    @property
    def review(self) -> Path:
        """The page to review it."""
        return self.rows.with_suffix(".review.html")


def outputs_at(rows: Path) -> Outputs:
    """Return the files. Raises `DataSetError` if the name or the folder will not do."""
    if rows.suffix != SUFFIX:
        raise DataSetError(f"{rows} must end in {SUFFIX}: other files get the other endings.")
    if not rows.parent.is_dir():
        raise DataSetError(f"{rows.parent} is no folder.")
    return Outputs(rows)


def write_apart(path: Path, apart: Sequence[Apart]) -> None:
    """Write what is set apart, a JSON object a line. Raises `DataSetError`."""
    lines = []
    for one in apart:
        values = {name: value for name, value in asdict(one).items() if value}
        lines.append(json.dumps(values, ensure_ascii=False) + "\n")
    write_text(path, "".join(lines))


def write_text(path: Path, text: str) -> None:
    """Write a file whole. Raises `DataSetError`."""
    try:
        write_whole(path, [well_formed(text)])
    except OSError as error:
        raise DataSetError(f"{path} cannot be written: {error.strerror}.") from error
