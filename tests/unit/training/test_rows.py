"""A data set is read as it was written, and a bad line is named."""

import errno
import os
from pathlib import Path

import pytest

from caption_studio.training.rows import DataSetError, Row, read_rows, split_of, write_rows

ROW = Row(
    "a red bus",
    "All aboard! 🚌",
    picture="bus.png",
    picture_id="ab12",
    split="test",
    request="no hashtags",
    writer="teacher",
    facts={"subject": "bus", "colour": "red"},
)


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = [ROW, Row("a duck", "Quack.")]
    write_rows(tmp_path / "set.jsonl", rows)
    assert read_rows(tmp_path / "set.jsonl") == rows
    assert [path.name for path in tmp_path.iterdir()] == ["set.jsonl"]


def test_the_form_of_2023_needs_a_description_and_a_caption_only(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"description": "a duck", "caption": "Quack.", "likes": 3}\n\n')
    (row,) = read_rows(path)
    assert (row.description, row.caption, row.key) == ("a duck", "Quack.", "a duck")
    assert row.split == split_of("a duck")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "line 1: it is no JSON"),
        ("[1]", "line 1: it is no JSON object"),
        ('{"description": "a duck"}', "line 1: caption is missing"),
        ('{"description": " ", "caption": "Quack."}', "line 1: description is missing"),
        ('{"description": "a", "caption": "b", "split": "dev"}', "line 1: split is 'dev'"),
        ('{"description": "a", "caption": "b", "facts": [1]}', "line 1: facts is no JSON object"),
        ('{"description": "a", "caption": "b", "request": 3}', "line 1: request is no text"),
        ('{"description": "a", "caption": "\\ud83e"}', "line 1: caption has half a character"),
        (
            '{"description": "a", "caption": "b", "facts": {"colour": "\\ud83e"}}',
            "line 1: colour has half a character",
        ),
        ("[" * 200_000, "line 1: it is no JSON .nested too deep"),
        ("", "has no rows"),
    ],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(line)
    with pytest.raises(DataSetError, match=said):
        read_rows(path)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="No such file"):
        read_rows(tmp_path / "none.jsonl")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(DataSetError, match="cannot be read"):
        read_rows(tmp_path / "bytes.jsonl")


def test_what_was_there_stays_when_the_new_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "set.jsonl"
    write_rows(path, [ROW])

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataSetError, match="cannot be written"):
        write_rows(path, [Row("other", "other")])
    assert read_rows(path) == [ROW]
    assert list(tmp_path.iterdir()) == [path]


def test_splits_hold_their_shares_and_never_change() -> None:
    keys = [f"picture {number}" for number in range(4000)]
    splits = [split_of(key) for key in keys]
    assert splits == [split_of(key) for key in keys]
    assert 0.03 < splits.count("test") / 4000 < 0.07
    assert 0.03 < splits.count("validation") / 4000 < 0.07
    assert {split_of(key, {"test": 1.0}) for key in keys} == {"test"}
