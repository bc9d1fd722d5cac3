"""What was seen, described and answered → lines of a file that only grows.

What was described or answered counts once its line is flushed to the disk, so a killed command has
paid for nothing that is not here but for the calls that were in flight. A last line without its end
is what a kill left: it is cut off. One command at a time writes a journal.
"""

import asyncio
import fcntl
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

from caption_studio.growing_file import GrowingFile
from caption_studio.training.dataset.items import Answer, Look
from caption_studio.training.dataset.teaching.prices import Spent
from caption_studio.training.rows import DataSetError

Call = tuple[str, int]
"""A call to the teacher: which picture and description, and the how manieth of its captions."""


class Journal:
    """The journal at `path`; a context manager that holds its file and its lock.

    `described` and `answers` are what it knows, those of earlier commands included. `spent` is what
    all answers took, those included that a longer one replaced.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = GrowingFile(path)
        # One thread, so that lines are written one at a time.
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._looks: dict[tuple[str, str], Look] = {}
        self._command: Mapping[str, Any] = {}
        self.described: dict[str, str] = {}
        self.answers: dict[Call, Answer] = {}
        self.spent = Spent()

    def __enter__(self) -> "Journal":
        """Open and read it; it is made if it is not there. Raises `DataSetError`."""
        try:
            self._file.open()
            self._load()
        except BlockingIOError as error:
            self._file.close()
            raise DataSetError(f"{self._path} is being written by another command.") from error
        except OSError as error:
            self._file.close()
            raise DataSetError(f"{self._path} cannot be opened: {error.strerror}.") from error
        except DataSetError:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Close the file once all is written, which gives its lock back."""
        self._writer.shutdown()
        self._file.close()

    def begin(self, describer: str, teacher: Mapping[str, Any]) -> None:
        """Note by whom descriptions and captions are made from now on.

        Empty: none is needed. Raises `DataSetError` where others made those that are here: the two
        would be mixed.
        """
        wanted: dict[str, Any] = {
            "describer": describer or self._command.get("describer", ""),
            "teacher": dict(teacher) or self._command.get("teacher", {}),
        }
        changes = []
        if self.described and describer:
            changes += _changes({"describer": self._command.get("describer")}, wanted)
        if self.answers and teacher:
            changes += _changes(self._command.get("teacher", {}), wanted["teacher"])
        if changes:
            raise DataSetError(
                f"{self._path} was begun by another command: {'; '.join(changes)}. Name another "
                "output, or give --restart to begin anew."
            )
        if wanted != self._command:
            self._append({"kind": "command", **wanted}, True)

    def look(self, picture: str, stamp: str) -> Look | None:
        """Return the look of the file or URL as it was when `stamp` was its stamp."""
        return self._looks.get((picture, stamp))

    async def add_look(self, picture: str, stamp: str, look: Look) -> None:
        """Note how a picture looks."""
        record = {"id": look.id, "edges": f"{look.edges:016x}", "colours": look.colours.hex()}
        named = {"kind": "look", "picture": picture, "stamp": stamp}
        # Costs nothing but time, so it need not outlive a power cut.
        await self._add({**named, **record}, is_paid=False)

    async def add_description(self, picture_id: str, text: str) -> None:
        """Note what a picture shows."""
        await self._add({"kind": "description", "picture_id": picture_id, "text": text})

    async def add_answer(self, call: Call, answer: Answer) -> None:
        """Note what the teacher answered, and what it took."""
        await self._add(
            {
                "kind": "answer",
                "key": call[0],
                "number": call[1],
                "text": answer.text,
                "finish_reason": answer.finish_reason,
                "max_tokens": answer.max_tokens,
                "tokens_in": answer.tokens_in,
                "tokens_out": answer.tokens_out,
            }
        )

    async def _add(self, record: Mapping[str, Any], *, is_paid: bool = True) -> None:
        # In a thread: a disk may take its time to flush. Not cancelled when the command ends, even
        # while it waits for the thread, as it has been paid for. (A task of `asyncio.to_thread`
        # would be: `asyncio.run` cancels it in spite of the shield.)
        writing = self._writer.submit(self._append, record, is_paid)
        await asyncio.shield(asyncio.wrap_future(writing))

    def _append(self, record: Mapping[str, Any], is_paid: bool) -> None:
        line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        try:
            self._file.append(line, flush_to_disk=is_paid)
        except OSError as error:
            raise DataSetError(
                f"{self._path} cannot be written: {error.strerror}. All that it holds is kept: "
                "run the same command again (without --restart) to go on."
            ) from error
        self._take(record)

    def _load(self) -> None:
        for number, (_, line) in enumerate(self._file.lines(), start=1):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise DataSetError(
                    f"{self._path}, line {number}: it is no line of a journal. Name another "
                    "output, or give --restart to begin anew."
                ) from error
        self._file.cut()

    def _take(self, record: Mapping[str, Any]) -> None:
        """Know a record that is on the disk."""
        kind = record["kind"]
        if kind == "command":
            self._command = {name: record[name] for name in ("describer", "teacher")}
        elif kind == "look":
            look = Look(record["id"], int(record["edges"], 16), bytes.fromhex(record["colours"]))
            self._looks[record["picture"], record["stamp"]] = look
        elif kind == "description":
            self.described[record["picture_id"]] = record["text"]
        elif kind == "answer":
            names = ("text", "finish_reason", "max_tokens", "tokens_in", "tokens_out")
            values = {name: record[name] for name in names}
            answer = Answer(**values)
            self.answers[record["key"], record["number"]] = answer
            self.spent.add(answer)
        else:
            raise ValueError(kind)


def put_away(path: Path) -> None:
    """Give an old journal another name, so that a new one begins; nothing that is paid for is lost.

    Raises `DataSetError` if it cannot be done, or if another command writes the journal.
    """
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.rename(_free_name(path))
    except FileNotFoundError:
        pass
    except BlockingIOError as error:
        raise DataSetError(f"{path} is being written by another command.") from error
    except OSError as error:
        raise DataSetError(f"{path} cannot be put away: {error.strerror}.") from error


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.old{number}") for number in ("", *range(2, 10_000)))
    return next(name for name in names if not name.exists())


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return each difference in words; long texts are not shown."""
    changes = []
    for name, old in before.items():
        new = now.get(name)
        if old != new:
            is_long = max(len(str(old)), len(str(new))) > 80
            changes.append(
                f"its {name} was another"
                if is_long
                else f"its {name} was {_shown(old)} and now is {_shown(new)}"
            )
    return changes


def _shown(value: object) -> str:
    return "not given" if value is None else str(value)
