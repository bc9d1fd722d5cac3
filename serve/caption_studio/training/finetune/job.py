"""What is asked of a fine-tuning, and the record of it that an unfinished one keeps."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from caption_studio.training.base import Base
from caption_studio.training.failures import Refused
from caption_studio.training.finetune.data import Data
from caption_studio.training.finetune.recipe import Recipe
from caption_studio.training.finetune.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Job:
    """Data, base model and recipe, and where the adapter goes.

    `licence` is the adapter's, an id of the hub's list.
    """

    data: Data
    base: Base
    recipe: Recipe
    folder: Path
    licence: str = "other"

    @property
    def record(self) -> dict[str, Any]:
        """What must not change before the training is done, as JSON has it."""
        targets = list(self.recipe.target_modules)
        return {
            "data set": self.data.digest,
            "base model": {"source": self.base.source, "commit": self.base.commit},
            "recipe": {**asdict(self.recipe), "target_modules": targets},
        }

    def kept(self, limits: "Limits") -> dict[str, Any]:
        """Return the record with what `--resume` takes where it is not given anew."""
        return {**self.record, "licence": self.licence, "micro batch": limits.micro_batch}

    def require_place(self, *, resume: bool) -> RunFolder:
        """Return the folder if the job can begin there, or go on. Raises `Refused` if not."""
        folder = RunFolder(self.folder)
        if not resume:
            folder.require_unused()
            return folder
        begun = folder.record()
        for name, asked in self.record.items():
            if begun.get(name) != asked:
                raise Refused(
                    f"The training in {self.folder} was begun with another {name}; it can only go "
                    "on with the same."
                )
        return folder


@dataclass(frozen=True, slots=True)
class Limits:
    """How large and long a training may be here; None is as much as fits."""

    micro_batch: int | None = None
    hours: float | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """What an unfinished training was begun with."""

    recipe: Recipe
    base: str
    commit: str | None
    licence: str
    micro_batch: int | None


def begun_in(folder: Path) -> Begun:
    """Return what the unfinished training in the folder was begun with.

    Raises `Refused` if there is none.
    """
    record = RunFolder(folder).record()
    try:
        base, fields = record["base model"], record["recipe"]
        recipe = Recipe(**{**fields, "target_modules": tuple(fields["target_modules"])})
        more = record["licence"], record["micro batch"]
        return Begun(recipe, base["source"], base["commit"], *more)
    except (KeyError, TypeError) as error:
        raise Refused(f"{folder} was begun by another version of caption-studio.") from error
