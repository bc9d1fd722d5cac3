"""`dataset build` from its arguments to the files on the disk: the whole story."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime

from caption_studio.client.pictures import PictureFailed
from caption_studio.client.service import AllFail
from caption_studio.training.dataset.build import Build
from caption_studio.training.dataset.card import Making, card, counts
from caption_studio.training.dataset.items import TO_BE_ASKED_AGAIN, Apart, Piece
from caption_studio.training.dataset.job import Job, job_of
from caption_studio.training.dataset.journal import Journal, put_away
from caption_studio.training.dataset.looks import thumbnail
from caption_studio.training.dataset.outputs import Outputs, write_apart, write_text
from caption_studio.training.dataset.progress import Progress
from caption_studio.training.dataset.reviewing.page import review_page
from caption_studio.training.dataset.shown import command_shown, without_secrets
from caption_studio.training.dataset.sorting import Sorted, sort_out
from caption_studio.training.dataset.sources import Reader
from caption_studio.training.dataset.teaching.prices import Prices, Spent
from caption_studio.training.dataset.teaching.teacher import TeacherFails
from caption_studio.training.rows import SPLITS, DataSetError, Row, write_rows

FAILED, MISUSED = 1, 2


def build(arguments: argparse.Namespace) -> int:
    """Make the data set; return 0, 1 if something failed, 2 for a misuse."""
    with ExitStack() as stack:
        try:
            job = job_of(arguments)
            if arguments.restart:
                put_away(job.outputs.journal)
            journal = stack.enter_context(Journal(job.outputs.journal))
            journal.begin(job.describer.name if job.describer else "", _taught(job))
        except (DataSetError, ValueError) as error:
            return _said(str(error), MISUSED)
        try:
            return _build(job, journal, arguments)
        except (AllFail, TeacherFails) as error:
            reason = str(error).rstrip(".")
            return _said(f"{reason}. What is done is kept: {_again(arguments)}.", FAILED)
        except DataSetError as error:
            return _said(str(error), FAILED)


def _build(job: Job, journal: Journal, arguments: argparse.Namespace) -> int:
    plan = job.plan
    prices = Prices(arguments.price_in, arguments.price_out)
    captions, calls = (sum(map(of, job.items)) for of in (plan.captions_of, plan.calls_of))
    with Progress(captions, calls, prices, journal.spent) as progress:
        pieces = asyncio.run(_pieces(job, journal, progress))
    writer = job.teacher.manner.model if job.teacher else ""
    found = sort_out(pieces, template=plan.template, writer=writer, shares=job.shares)
    write_apart(job.outputs.apart, found.apart)
    if not found.rows:
        return _said(f"No caption is left: {job.outputs.apart} has the reasons.", FAILED)
    making = _making(job, arguments)
    name = job.outputs.rows.name
    write_text(job.outputs.card, card(name, found.rows, found.apart, making, journal.spent, prices))
    if arguments.review:
        thumbnails = asyncio.run(_thumbnails(found.rows, plan.in_flight))
        write_text(job.outputs.review, review_page(name, found.rows, thumbnails))
    write_rows(job.outputs.rows, found.rows)
    _tell(job.outputs, found, journal.spent, prices, with_review=arguments.review)
    return _told_what_is_left(job, found, _again(arguments))


async def _pieces(job: Job, journal: Journal, progress: Progress) -> list[Piece]:
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(Reader())
        describer = teacher = None
        if job.describer:
            opened = job.describer.opened(job.plan.in_flight)
            describer = await stack.enter_async_context(opened)
        if job.teacher:
            asked = job.teacher.opened(job.plan.in_flight, accepts_calls=bool(journal.answers))
            teacher = await stack.enter_async_context(asked)
        making = Build(job.plan, journal, reader, describer, teacher, progress)
        return await making.run(job.items)


async def _thumbnails(rows: Sequence[Row], in_flight: int) -> dict[str, str]:
    """Return small pictures as data URLs; one that is gone has none."""
    places = asyncio.Semaphore(in_flight)
    found: dict[str, str] = {}

    async def one(picture: str, reader: Reader) -> None:
        async with places:
            try:
                found[picture] = await asyncio.to_thread(thumbnail, await reader.read(picture))
            except PictureFailed as error:
                _say(f"{picture} has no small picture: {error}.")

    async with Reader() as reader:
        pictures = dict.fromkeys(row.picture for row in rows if row.picture)
        await asyncio.gather(*(one(picture, reader) for picture in pictures))
    return found


def _taught(job: Job) -> dict[str, object]:
    """Return who writes and how, as far as another one's captions would differ."""
    if job.teacher is None:
        return {}
    plan = job.plan
    return {
        **job.teacher.names,
        "prompt": plan.template,
        "teacher-sees-pictures": plan.sees_pictures,
    }


def _making(job: Job, arguments: argparse.Namespace) -> Making:
    plan = job.plan
    asked = {"captions": plan.captions, "max-tokens": plan.max_tokens}
    teacher = {**_taught(job), **asked} if job.teacher else {}
    teacher.pop("prompt", None)
    sources = [str(arguments.table)] if arguments.table else arguments.pictures
    return Making(
        sources=[without_secrets(source) for source in sources],
        describer=job.describer.name if job.describer else "",
        teacher={name: value for name, value in teacher.items() if value is not None},
        template=plan.template,
        near_bits=plan.near_bits,
        licence=arguments.licence,
        command=command_shown(sys.argv[1:]),
        made_on=datetime.now(UTC).date(),
    )


def _tell(
    outputs: Outputs, found: Sorted, spent: Spent, prices: Prices, *, with_review: bool
) -> None:
    """Print the results."""
    pictures = len({row.key for row in found.rows})
    by_split = ", ".join(f"{split} {rows}" for split, (rows, _) in counts(found.rows).items())
    print(f"{outputs.rows}: {len(found.rows)} captions of {pictures} pictures ({by_split})")
    if found.apart:
        by_reason = Counter(one.reason for one in found.apart)
        reasons = ", ".join(f"{reason} {number}" for reason, number in by_reason.most_common())
        print(f"{outputs.apart}: {reasons}")
    if spent.answers:
        print(f"{outputs.card}: {prices.told(spent)}")
    if with_review:
        print(f"{outputs.review}: open it in a browser")


def _told_what_is_left(job: Job, found: Sorted, again: str) -> int:
    """Say what an unfinished or a lopsided data set lacks; return the exit status."""
    numbers = counts(found.rows)
    empty = [split for split in SPLITS if job.shares[split] and not numbers[split][0]]
    if empty:
        _say(
            f"no picture fell to {' and '.join(empty)}: bring more pictures, or change "
            "--validation and --test."
        )
    left = [one for one in found.apart if one.reason in TO_BE_ASKED_AGAIN]
    if not left:
        return 0
    return _said(
        f"{len(left)} captions or descriptions are missing ({_reason(left[0])}): {again} to "
        "ask for them.",
        FAILED,
    )


def _again(arguments: argparse.Namespace) -> str:
    """Return how to go on; `--restart` would put the new journal away too."""
    return "run the same command again" + (" (without --restart)" if arguments.restart else "")


def _reason(apart: Apart) -> str:
    return apart.detail.rstrip(".") or apart.reason


def _said(sentence: str, status: int) -> int:
    _say(sentence)
    return status


def _say(sentence: str) -> None:
    print(f"caption-studio: {sentence}", file=sys.stderr, flush=True)
