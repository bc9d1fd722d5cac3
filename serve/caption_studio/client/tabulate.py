"""`caption-studio caption --output`: many pictures in flight, their captions in a table."""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from caption_studio.client.journal import Journal
from caption_studio.client.pictures import STDIN, Picture, PictureFailed
from caption_studio.client.service import AllFail, Service
from caption_studio.client.tables import Row, TableFailed, check_name

FAILED, MISUSED = 1, 2


class _TooMany(Exception):
    """More pictures failed than are allowed."""


def tabulate(
    pictures: Sequence[Picture],
    service: Service,
    table: Path,
    *,
    in_flight: int,
    resume: bool,
    overwrite: bool,
    max_errors: int | None,
) -> int:
    """Write a row for each picture; return 0, 1 if any failed, 2 for a misuse.

    A picture that fails is a row with an error. What fails for all pictures, more than
    `max_errors` failures and a full disk end it; what is done by then is kept for `resume`.
    """
    try:
        check_name(table)
        if any(picture.name == STDIN for picture in pictures):
            raise TableFailed("standard input has no name that a row could have")
        if unnamed := [one.name for one in pictures if not _is_text(one.name)]:
            raise TableFailed(f"{unnamed[0]!r} is no name in UTF-8, so no row can have it")
        journal = Journal(table, resume=resume, overwrite=overwrite)
        with journal:
            return asyncio.run(_tabulate(pictures, service, journal, table, in_flight, max_errors))
    except TableFailed as error:
        print(f"caption-studio: {error}", file=sys.stderr)
        return MISUSED


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


async def _tabulate(
    pictures: Sequence[Picture],
    service: Service,
    journal: Journal,
    table: Path,
    in_flight: int,
    max_errors: int | None,
) -> int:
    done = journal.done
    named = {picture.name: picture for picture in pictures}
    waiting = [picture for name, picture in named.items() if name not in done]
    begun_s = time.monotonic()
    problem = None
    async with service:
        try:
            failed = await _caption_all(waiting, service, journal, in_flight, max_errors)
        except (AllFail, TableFailed, _TooMany) as error:
            problem = str(error)
    if problem is not None:
        print(f"caption-studio: {problem}", file=sys.stderr)
        print(f"caption-studio: {table} is not finished: --resume goes on", file=sys.stderr)
        return FAILED
    took_s = time.monotonic() - begun_s
    try:
        rows = journal.finish(named)
    except TableFailed as error:
        print(f"caption-studio: {error}. --resume tries again", file=sys.stderr)
        return FAILED
    print(
        f"caption-studio: {table}: {rows} rows, {journal.failed} of them with an error; "
        f"{len(waiting) - failed} captioned now, {len(waiting) / max(took_s, 1e-3):.1f} pictures/s",
        file=sys.stderr,
    )
    return FAILED if failed else 0


async def _caption_all(
    pictures: Sequence[Picture],
    service: Service,
    journal: Journal,
    in_flight: int,
    max_errors: int | None,
) -> int:
    """Note a row for each picture; return the number of failures.

    Raises `AllFail`, `TableFailed`, `_TooMany`.
    """
    waiting = iter(pictures)
    failed = 0
    bar = tqdm(total=len(pictures), unit="picture", disable=not sys.stderr.isatty())

    async def work() -> None:
        nonlocal failed
        for picture in waiting:  # shared: each picture goes to one worker
            row = await _row(picture, service)
            journal.add(row)
            bar.update()
            failed += "error" in row
            if max_errors is not None and failed > max_errors:
                raise _TooMany(f"more than {max_errors} pictures failed: {row.get('error')}")

    workers = [asyncio.create_task(work()) for _ in range(in_flight)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        bar.close()
    return failed


async def _row(picture: Picture, service: Service) -> Row:
    """Return the picture's row. Raises `AllFail`."""
    try:
        caption = await service.caption(picture)
    except AllFail:
        raise
    except PictureFailed as error:
        return {"picture": picture.name, "error": str(error)}
    known = {"description": caption.description, "caption": caption.text}
    return {"picture": picture.name, "model": caption.model, **caption.extra, **known}
