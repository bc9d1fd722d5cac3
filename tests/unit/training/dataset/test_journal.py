"""What was paid for is on the disk, whatever ends the command."""

import asyncio
import json
import resource
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from caption_studio.training.dataset.items import Answer, Look
from caption_studio.training.dataset.journal import Journal
from caption_studio.training.dataset.teaching.prices import Spent
from caption_studio.training.rows import DataSetError

LOOK = Look("ab12", 2**63 + 5, bytes(range(48)))
ANSWER = Answer("Ein Boot ⛵", "stop", 50, 7, 3)
TEACHER = {"teacher-model": "t", "temperature": None, "prompt": "short"}


def fill(journal: Journal) -> None:
    async def run() -> None:
        await journal.add_look("a.png", "1-2", LOOK)
        await journal.add_description("ab12", "a red boat")
        await journal.add_answer(("key", 0), ANSWER)
        await journal.add_answer(("key", 1), Answer("\u2028", "length", 50))

    journal.begin("a running service", TEACHER)
    asyncio.run(run())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "set.jsonl.journal"
    with Journal(path) as journal:
        fill(journal)
    return path


def test_it_knows_what_was_written(path: Path) -> None:
    with Journal(path) as journal:
        assert journal.look("a.png", "1-2") == LOOK
        assert journal.look("a.png", "another time") is None
        assert journal.described == {"ab12": "a red boat"}
        assert journal.answers == {("key", 0): ANSWER, ("key", 1): Answer("\u2028", "length", 50)}


def test_an_answer_that_was_replaced_has_been_paid_for(path: Path) -> None:
    with Journal(path) as journal:
        asyncio.run(journal.add_answer(("key", 1), Answer("A boat!", "stop", 99, 7, 30)))
        assert journal.spent == Spent(answers=3, tokens_in=14, tokens_out=33, uncounted=1)
    with Journal(path) as journal:
        assert len(journal.answers) == 2
        assert journal.spent == Spent(answers=3, tokens_in=14, tokens_out=33, uncounted=1)


class OnSlowDisk(Journal):
    """Takes its time for each line."""

    def _append(self, record: Mapping[str, Any], is_paid: bool) -> None:
        time.sleep(0.005)
        super()._append(record, is_paid)


def test_answers_that_have_arrived_are_kept_when_the_command_ends(tmp_path: Path) -> None:
    """More of them than threads that could write at a time."""
    path = tmp_path / "set.jsonl.journal"

    async def run(journal: Journal) -> None:
        for number in range(40):
            asyncio.create_task(journal.add_answer(("key", number), ANSWER))  # noqa: RUF006
        await asyncio.sleep(0)

    with OnSlowDisk(path) as journal:
        asyncio.run(run(journal))
    with Journal(path) as journal:
        assert len(journal.answers) == 40


def test_each_line_counts_once_it_is_whole_and_a_torn_one_is_cut_off(path: Path) -> None:
    whole = path.read_bytes()
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        with Journal(path) as journal:
            lines = whole[:end].count(b"\n")
            assert len(journal.answers) == max(lines - 3, 0)
            assert len(journal.described) == (lines >= 3)
        assert path.read_bytes() == whole[: whole.rfind(b"\n", 0, end) + 1]


def test_a_line_that_is_none_is_named(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"kind": "description"', b'"kind": "x"'))
    with pytest.raises(DataSetError, match="line 3: it is no line of a journal"), Journal(path):
        pass
    for nonsense in ("nonsense", "[" * 200_000):
        path.write_text(f"{nonsense}\n")
        with pytest.raises(DataSetError, match="line 1"), Journal(path):
            pass


def test_two_commands_do_not_write_one_journal(path: Path) -> None:
    with Journal(path), pytest.raises(DataSetError, match="by another command"), Journal(path):
        pass
    with Journal(path):
        pass


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="cannot be opened: Is a directory"), Journal(tmp_path):
        pass


def test_a_command_that_needs_nobody_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    with Journal(path) as journal:
        journal.begin("", {})
        journal.begin("a running service", TEACHER)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("describer", "teacher", "said"),
    [
        ("git, in process", TEACHER, "its describer was a running service and now is git"),
        ("a running service", {**TEACHER, "temperature": 1.0}, "was not given and now is 1.0"),
        ("a running service", {**TEACHER, "prompt": "x" * 99}, "its prompt was another"),
    ],
)
def test_others_than_those_who_wrote_it_are_refused(
    path: Path, describer: str, teacher: dict[str, object], said: str
) -> None:
    with Journal(path) as journal, pytest.raises(DataSetError, match=said):
        journal.begin(describer, teacher)


@contextmanager
def disk_full_after(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow further: the write then fails after some of its bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_all_whole_lines(path: Path) -> None:
    before = path.read_bytes()
    with Journal(path) as journal:
        with (
            disk_full_after(len(before) + 10),
            pytest.raises(DataSetError, match="cannot be written: File too large"),
        ):
            asyncio.run(journal.add_description("cd34", "a blue boat"))
        assert path.read_bytes() == before
        assert "cd34" not in journal.described
        asyncio.run(journal.add_description("cd34", "a blue boat"))
    assert json.loads(path.read_text().splitlines()[-1])["text"] == "a blue boat"
