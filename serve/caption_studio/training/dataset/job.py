"""Arguments of `dataset build` → a checked job; nobody is asked for anything yet."""

import argparse
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from caption_studio.client.service import can_be_sent, service_url
from caption_studio.training.chat.connection import key_in_environment
from caption_studio.training.dataset.build import Plan
from caption_studio.training.dataset.describing import Describer, in_process, through_service
from caption_studio.training.dataset.items import Item
from caption_studio.training.dataset.outputs import Outputs, outputs_at
from caption_studio.training.dataset.sources import find
from caption_studio.training.dataset.tables import Columns, read_table
from caption_studio.training.dataset.teaching.prompts import template
from caption_studio.training.dataset.teaching.teacher import (
    KEY_VARIABLES,
    Manner,
    Teacher,
    connected,
    teacher_url,
)
from caption_studio.training.rows import DataSetError, Split

API_KEY_VARIABLE = "CAPTION_STUDIO_API_KEY"


@dataclass(frozen=True, slots=True)
class DescribedBy:
    """Who describes: `model` in this process, else the service at `url`."""

    url: str
    api_key: str | None
    model: str | None

    @property
    def name(self) -> str:
        """What the journal and the card call it; a service's address may change in between."""
        return f"{self.model}, in process" if self.model else "a running service"

    def opened(self, in_flight: int) -> AbstractAsyncContextManager[Describer]:
        """Return the describer, not yet started."""
        if self.model:
            return in_process(self.model, in_flight)
        return through_service(self.url, self.api_key, in_flight)


@dataclass(frozen=True, slots=True)
class TaughtBy:
    """Who writes captions, and how."""

    url: str
    key: str | None
    manner: Manner

    @property
    def names(self) -> dict[str, Any]:
        """What the journal and the card call it, by the names of the options."""
        manner = self.manner
        return {
            "teacher-url": self.url,
            "teacher-model": manner.model,
            "temperature": manner.temperature,
        }

    def opened(
        self, in_flight: int, *, accepts_calls: bool
    ) -> AbstractAsyncContextManager[Teacher]:
        """Return the teacher, not yet connected. See `Teacher`."""
        return connected(self.url, self.key, self.manner, in_flight, accepts_calls=accepts_calls)


@dataclass(frozen=True, slots=True)
class Job:
    """What a build is to do; `describer` and `teacher` are None where there is no need of them."""

    items: Sequence[Item]
    outputs: Outputs
    plan: Plan
    shares: Mapping[Split, float]
    describer: DescribedBy | None
    teacher: TaughtBy | None


def job_of(arguments: argparse.Namespace) -> Job:
    """Return the job. Raises `DataSetError` or `ValueError` for arguments that do not fit."""
    outputs = _outputs(arguments)
    shares = _shares(arguments)
    items = _items(arguments)
    usable = [item for item in items if not item.problem]
    plan = Plan(
        template=template(arguments.prompt, sees_pictures=arguments.teacher_sees_pictures),
        captions=arguments.captions,
        max_tokens=arguments.max_tokens,
        sees_pictures=arguments.teacher_sees_pictures,
        in_flight=arguments.in_flight,
        near_bits=arguments.near_duplicates,
    )
    return Job(
        items,
        outputs,
        plan,
        shares,
        None if all(item.description for item in usable) else _described_by(arguments),
        None if all(item.caption for item in usable) else _taught_by(arguments, usable),
    )


def _outputs(arguments: argparse.Namespace) -> Outputs:
    outputs = outputs_at(arguments.out)
    if outputs.rows.exists() and not (outputs.journal.exists() or arguments.restart):
        raise DataSetError(
            f"{outputs.rows} is there already, and no journal of it: name another output, or give "
            "--restart to write over it."
        )
    return outputs


def _shares(arguments: argparse.Namespace) -> dict[Split, float]:
    validation, test = arguments.validation, arguments.test
    if validation + test >= 1.0:
        raise DataSetError("--validation and --test leave no picture to train on.")
    return {"train": 1.0 - validation - test, "validation": validation, "test": test}


def _items(arguments: argparse.Namespace) -> list[Item]:
    columns = Columns(
        arguments.picture_column, arguments.description_column, arguments.caption_column
    )
    if arguments.table is None:
        if columns != Columns():
            raise DataSetError("Columns are those of a table: name it with --from.")
        if not arguments.pictures:
            raise DataSetError("Name pictures before OUT.jsonl, or a table with --from.")
        return find(arguments.pictures)
    if arguments.pictures:
        raise DataSetError("Name either pictures or a table, not both.")
    return read_table(arguments.table, columns)


def _described_by(arguments: argparse.Namespace) -> DescribedBy:
    key = arguments.api_key or os.environ.get(API_KEY_VARIABLE)
    return DescribedBy(service_url(arguments.url), _checked_key(key), arguments.describer)


def _taught_by(arguments: argparse.Namespace, items: Sequence[Item]) -> TaughtBy:
    if not (arguments.teacher_url and arguments.teacher_model):
        missing = sum(not item.caption for item in items)
        raise DataSetError(
            f"{missing} of {len(items)} pictures or rows have no caption: name who writes them "
            "with --teacher-url and --teacher-model."
        )
    if arguments.teacher_sees_pictures and not all(item.picture or item.caption for item in items):
        raise DataSetError("There are rows without a picture, so no teacher can see it.")
    key = key_in_environment(KEY_VARIABLES)
    manner = Manner(arguments.teacher_model, arguments.max_tokens, arguments.temperature)
    return TaughtBy(teacher_url(arguments.teacher_url), _checked_key(key), manner)


def _checked_key(key: str | None) -> str | None:
    if key and not can_be_sent(key):
        raise ValueError("a key consists of visible ASCII characters")
    return key or None
