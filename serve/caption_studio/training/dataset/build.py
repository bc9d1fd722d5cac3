"""Items → pieces: look at each picture, describe it, have its captions written.

One item after another decides whether its picture was there before; the rest runs side by side.
What the journal knows is not done again. Reading (`sources`), describing (`describing`), asking
(`teacher`) and judging (`sorting`) are not here.
"""

import asyncio
import hashlib
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from caption_studio.client.pictures import Picture, PictureFailed
from caption_studio.client.service import AllFail
from caption_studio.training.dataset.describing import Describer
from caption_studio.training.dataset.duplicates import KnownPictures
from caption_studio.training.dataset.items import CUT_OFF, Answer, Item, Piece
from caption_studio.training.dataset.journal import Call, Journal
from caption_studio.training.dataset.looks import look_at
from caption_studio.training.dataset.progress import Progress
from caption_studio.training.dataset.sources import Reader, stamp
from caption_studio.training.dataset.teaching import prompts
from caption_studio.training.dataset.teaching.teacher import NoAnswer, Teacher
from caption_studio.training.dataset.texts import well_formed

LOOKAHEAD = 2
"""Pictures that are read ahead, per one in flight."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of the teacher, and how many pictures are in flight.

    `captions` are per picture, of `max_tokens` each. Pictures whose difference hashes are at most
    `near_bits` apart are near-duplicates.
    """

    template: str
    captions: int
    max_tokens: int
    sees_pictures: bool
    in_flight: int
    near_bits: int

    def captions_of(self, item: Item) -> int:
        """Return how many captions come of an item, at most."""
        return 1 if item.caption else self.captions

    def calls_of(self, item: Item) -> int:
        """Return how many of them a teacher writes."""
        return 0 if item.caption else self.captions


class Build:
    """Makes pieces of items; `describer` and `teacher` may be None where no item needs them."""

    def __init__(
        self,
        plan: Plan,
        journal: Journal,
        reader: Reader,
        describer: Describer | None,
        teacher: Teacher | None,
        progress: Progress,
    ) -> None:
        self._plan = plan
        self._journal = journal
        self._reader = reader
        self._describer = describer
        self._teacher = teacher
        self._progress = progress
        self._pictures = KnownPictures(plan.near_bits)
        self._keys: set[str] = set()
        # Rows of one picture come one after another: it is read and described for the first.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self, items: Sequence[Item]) -> list[Piece]:
        """Return a piece for each item, in their order.

        Raises `DataSetError`, `AllFail` or `TeacherFails` where going on is no use.
        """
        pieces = [Piece(item, description=item.description) for item in items]
        places = asyncio.Semaphore(self._plan.in_flight)
        try:
            async with asyncio.TaskGroup() as group:
                await self._run(pieces, group, places)
        except BaseExceptionGroup as failures:
            failure: BaseException = failures
            while isinstance(failure, BaseExceptionGroup):
                failure = failure.exceptions[0]
            raise failure from None
        groups = self._pictures.groups()
        for piece in pieces:
            piece.picture_id = groups.get(piece.picture_id, "")
        return pieces

    async def _run(
        self, pieces: Sequence[Piece], group: asyncio.TaskGroup, places: asyncio.Semaphore
    ) -> None:
        waiting = iter(pieces)
        looking: deque[tuple[Piece, asyncio.Task[bytes | None]]] = deque()
        while True:
            for piece in islice(waiting, self._plan.in_flight * LOOKAHEAD - len(looking)):
                looking.append((piece, group.create_task(self._look(piece))))
            if not looking:
                return
            data = await looking[0][1]
            piece, _ = looking.popleft()
            self._drop_repeated(piece)
            if piece.apart is not None:
                self._drop(piece)
                continue
            await places.acquire()
            task = group.create_task(self._finish(piece, data))
            task.add_done_callback(lambda _: places.release())

    async def _look(self, piece: Piece) -> bytes | None:
        """Note the picture's look; return its bytes if they had to be read."""
        name = piece.item.picture
        if piece.item.problem:
            piece.take_out("unreadable", piece.item.problem)
        if piece.apart is not None or not name:
            return None
        async with self._locks[name]:
            when = stamp(name)
            piece.look = self._journal.look(name, when)
            if piece.look is not None:
                return None
            try:
                data = await self._reader.read(name)
                piece.look = await asyncio.to_thread(look_at, data)
            except PictureFailed as error:
                piece.take_out("unreadable", str(error))
                return None
            await self._journal.add_look(name, when, piece.look)
        return data

    def _drop_repeated(self, piece: Piece) -> None:
        """Take out what was there before; a row with its own caption stays, as one more of it."""
        if piece.look is not None:
            before = self._pictures.repeated(piece.look)
            if before is None or piece.item.caption:
                self._pictures.add(piece.look, piece.item.picture)
                piece.picture_id = piece.look.id
            else:
                name, bits = before
                how = "the same pixels" if bits is None else f"{bits} bits apart"
                piece.take_out("near-duplicate picture", f"of {name}, {how}")
        elif piece.apart is None and not piece.item.caption:
            if piece.description in self._keys:
                piece.take_out("repeated row", "its description was there before")
            self._keys.add(piece.description)

    async def _finish(self, piece: Piece, data: bytes | None) -> None:
        """Describe the picture, and have its captions written one after another."""
        if not piece.description:
            # By its own pixels: those of a near-duplicate may be described otherwise.
            pixels = piece.look.id if piece.look else ""
            async with self._locks[pixels]:
                await self._describe(piece, pixels, data)
        if piece.apart is not None:
            self._drop(piece)
            return
        if piece.item.caption:
            self._progress.done()
            return
        key = _key(piece)
        for number in range(self._plan.captions):
            piece.answers.append(await self._answer(piece, (key, number), data))

    async def _describe(self, piece: Piece, pixels: str, data: bytes | None) -> None:
        """Fill in the description, or take the piece out."""
        known = self._journal.described.get(pixels)
        if known is not None:
            piece.description = known
            return
        if self._describer is None:
            raise AllFail("there is nothing to describe pictures with")
        try:
            text = await self._describer.describe(await self._picture(piece, data))
        except AllFail:
            raise
        except PictureFailed as error:
            piece.take_out("no description", str(error))
            return
        piece.description = " ".join(well_formed(text).split())
        if not piece.description:
            piece.take_out("no description", "the describer said nothing")
            return
        await self._journal.add_description(pixels, piece.description)

    async def _answer(self, piece: Piece, call: Call, data: bytes | None) -> Answer:
        known = self._journal.answers.get(call)
        # A caption that was cut off is asked for again when it may be longer.
        may_be_longer = known and known.max_tokens < self._plan.max_tokens
        if known and not (known.finish_reason in CUT_OFF and may_be_longer):
            self._progress.answered(now=False)
            return known
        if self._teacher is None:
            raise AllFail("there is no teacher to write captions")
        try:
            url = (await self._picture(piece, data)).url() if self._plan.sees_pictures else None
            messages = prompts.messages(self._plan.template, piece.description, url)
            answer = await self._teacher.ask(messages)
        except (NoAnswer, PictureFailed) as error:
            self._progress.unanswered()
            return Answer(unanswered=str(error))
        answer = replace(answer, max_tokens=self._plan.max_tokens)
        await self._journal.add_answer(call, answer)
        self._progress.answered(now=True)
        return answer

    async def _picture(self, piece: Piece, data: bytes | None) -> Picture:
        """Return the picture with its bytes. Raises `PictureFailed`."""
        name = piece.item.picture
        return Picture(name, data=await self._reader.read(name) if data is None else data)

    def _drop(self, piece: Piece) -> None:
        self._progress.dropped(self._plan.captions_of(piece.item), self._plan.calls_of(piece.item))


def _key(piece: Piece) -> str:
    """Return what names a picture and its description in the journal."""
    text = f"{piece.picture_id}\n{piece.description}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
