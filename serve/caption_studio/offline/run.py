"""Pictures → rows, one by one as a flow yields them: what is lacking, progress, the report.

Not here: what the flow is (`flow`), where its machines are (`cluster`), and how rows are kept
(`table`, `sidecars`).
"""

import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from caption_studio.client.tables import TableFailed
from caption_studio.offline.messages import Asked, Done
from caption_studio.offline.sidecars import SUFFIXES, Sidecars
from caption_studio.offline.spent import Spent
from caption_studio.offline.stopping import Stopped, stoppable
from caption_studio.offline.table import Table

FAILED, MISUSED = 1, 2
LOG_EVERY_S = 60.0
"""Interval of the progress where nobody watches a terminal."""

Rows = Table | Sidecars

Flow = Callable[[Sequence[Asked]], Generator[Done]]
"""Pictures that are asked for → the same ones done, in any order. Raises `Unfinished`."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the output is to hold, and what happens to what is there."""

    pictures: Sequence[Asked]
    output: Path
    resume: bool = False
    overwrite: bool = False
    max_errors: int | None = None


class Unfinished(Exception):
    """The run ends early; `str` of it says why. What is done is kept."""


@dataclass(slots=True)
class _Counts:
    """What this run has done, and what that took."""

    spent: Spent
    pictures: int = 0
    failed: int = 0
    shared: int = 0


def run(job: Job, flow: Flow, spent: Spent | None = None) -> int:
    """Write a row for each picture and model; return 0, 1 if any failed, 2 for a misuse.

    If a signal stops it, it returns that signal's status, such as 130 for Ctrl-C. Only rows that
    are lacking are asked of the flow; if there are none, it is not called. What it takes is counted
    in `spent`.
    """
    form = Sidecars if str(job.output) in SUFFIXES else Table
    try:
        with (
            stoppable(),
            form(job.output, job.pictures, resume=job.resume, overwrite=job.overwrite) as rows,
        ):
            return _write(job, rows, flow, spent or Spent())
    except TableFailed as error:
        print(f"caption-studio: {error}", file=sys.stderr)
        return MISUSED
    except Stopped as stopped:
        print(
            f"caption-studio: stopped by {stopped}; {job.output} is not finished: --resume goes on",
            file=sys.stderr,
        )
        return stopped.status


def _write(job: Job, rows: Rows, flow: Flow, spent: Spent) -> int:
    lacking = _lacking(job.pictures, rows)
    counts = _Counts(spent)
    begun_s = time.monotonic()
    try:
        if lacking:
            try:
                with closing(flow(lacking)) as done:
                    _note_all(done, len(lacking), rows, job.max_errors, counts)
            finally:
                if counts.pictures:
                    print(f"caption-studio: this run: {spent.told(len(lacking))}", file=sys.stderr)
    except (TableFailed, Unfinished) as error:
        print(f"caption-studio: {error}", file=sys.stderr)
        print(f"caption-studio: {job.output} is not finished: --resume goes on", file=sys.stderr)
        return FAILED
    took_s = time.monotonic() - begun_s
    try:
        number = rows.finish()
    except TableFailed as error:
        print(f"caption-studio: {error}. --resume tries again", file=sys.stderr)
        return FAILED
    print(_report(job.output, number, rows.failed, counts, took_s), file=sys.stderr)
    return FAILED if counts.failed else 0


def _lacking(pictures: Sequence[Asked], rows: Rows) -> list[Asked]:
    """Return the pictures with the models whose captions are not there yet."""
    lacking = []
    for one in pictures:
        models = tuple(model for model in one.models if rows.lacks(one.picture, model))
        if models == one.models:
            lacking.append(one)
        elif models:
            lacking.append(Asked(one.picture, one.address, models, one.problem))
    return lacking


def _note_all(
    done: Iterator[Done], total: int, rows: Rows, max_errors: int | None, counts: _Counts
) -> None:
    """Note the rows as they come. Raises `Unfinished`, `TableFailed`."""
    with closing(_shown(done, total, counts.spent)) as shown:
        for one in shown:
            for row in one.rows:
                rows.add(row)
            counts.pictures += 1
            counts.shared += one.is_shared
            counts.failed += one.error is not None
            counts.spent.add(one)
            if max_errors is not None and counts.failed > max_errors:
                raise Unfinished(f"more than {max_errors} pictures failed: {one.error}")
    if counts.pictures < total:
        raise Unfinished(f"{total - counts.pictures} pictures got lost on their way")


def _shown(done: Iterator[Done], total: int, spent: Spent) -> Generator[Done]:
    """Yield the pictures, with a progress bar from the first one on: the models start before it."""
    print(f"caption-studio: {total} pictures to caption; the models start …", file=sys.stderr)
    interval_s = 0.1 if sys.stderr.isatty() else LOG_EVERY_S
    first = next(done, None)
    if first is None:
        return
    with tqdm(total=total, unit="picture", mininterval=interval_s, dynamic_ncols=True) as bar:
        for one in chain((first,), done):
            yield one
            bar.set_postfix_str(spent.told(total), refresh=False)
            bar.update()


def _report(output: Path, rows: int, failed: int, counts: _Counts, took_s: float) -> str:
    pace = counts.pictures / max(took_s, 1e-3)
    shared = f", {counts.shared} described by an equal one" if counts.shared else ""
    return (
        f"caption-studio: {output}: {rows} rows, {failed} of them with an error; "
        f"{counts.pictures - counts.failed} pictures captioned now{shared}, "
        f"{took_s:.0f} s, {pace:.1f} pictures/s"
    )
