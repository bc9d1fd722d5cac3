"""`caption-studio caption --output`: a table of all pictures, whatever ends the command."""

import csv
import errno
import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from caption_studio.cli import main
from caption_studio.client.journal import Journal
from caption_studio.client.tables import TableFailed, read_table, write_table
from tests.unit.client.service import Answer, captioned, refused, serving
from tests.unit.client.test_caption import sent

Captured = pytest.CaptureFixture[str]
SUFFIXES = (".jsonl", ".csv", ".parquet")


def run(*arguments: object) -> int:
    return main(["caption", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder of 60 files whose content is their number."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:02}.png").write_bytes(str(number).encode())
    return folder


def by_number(url: str) -> Answer:
    number = sent(url).decode()
    if number == "7":
        return refused(400, "image_parse_error", "The image is truncated.")
    return captioned(f'"{number}", a view! #sea', hashtags=["sea"], familiar=False, confidence=0.5)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_row_for_each_picture_in_their_order(
    suffix: str, folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    table = tmp_path / f"captions{suffix}"
    with serving(by_number) as service:
        assert run("--url", service.url, folder, folder / "01.png", "--output", table) == 1
    rows = list(read_table(table))
    assert [row["picture"] for row in rows] == [str(path) for path in sorted(folder.iterdir())]
    assert rows[7] == {"picture": str(folder / "07.png"), "error": "The image is truncated."}
    assert rows[8] == {
        "picture": str(folder / "08.png"),
        "model": "caption-demo",
        "description": "three balloons",
        "caption": '"8", a view! #sea',
        "hashtags": ["sea"],
        "confidence": 0.5,
        "familiar": False,
    }
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "60 rows, 1 of them with an error; 59 captioned now" in printed.err
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([table.name, folder.name])


def test_csv_is_what_a_spreadsheet_reads(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "captions.csv"
    with serving(by_number) as service:
        assert run("--url", service.url, folder / "08.png", "--output", table) == 0
    with table.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["caption"] == '"8", a view! #sea'
    assert row["familiar"] == "false"
    assert row["error"] == ""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_resume_captions_what_is_new_or_failed_and_nothing_else(
    suffix: str, folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / f"captions{suffix}"
    with serving(by_number) as service:
        assert run("--url", service.url, folder, "--output", table) == 1
    (folder / "new.png").write_bytes(b"new")
    with serving(lambda url: captioned(sent(url).decode())) as service:
        assert run("--url", service.url, folder, "--output", table, "--resume") == 0
    asked = [body["messages"][0]["content"][0]["image_url"]["url"] for *_, body in service.requests]
    assert sorted(map(sent, asked)) == [b"7", b"new"]
    rows = list(read_table(table))
    assert len({row["picture"] for row in rows}) == len(rows) == 61
    assert not any("error" in row for row in rows)


def resumed(table: Path, folder: Path) -> list[dict[str, Any]]:
    """Return the rows after a run that has one picture left to caption."""
    with serving(by_number) as service:
        assert run("--url", service.url, folder / "01.png", "--output", table, "--resume") == 0
    assert len(service.requests) == 1
    return list(read_table(table))


def test_a_parquet_table_with_a_column_of_anothers_is_resumed(folder: Path, tmp_path: Path) -> None:
    rows = {"picture": ["a.png"], "caption": ["Sea you"], "seen": [datetime(2026, 7, 1)]}
    table = tmp_path / "captions.parquet"
    parquet.write_table(pa.table(rows), table)
    assert resumed(table, folder)[1] == {"picture": "a.png", "caption": "Sea you"}


def test_a_csv_that_a_spreadsheet_saved_is_resumed(folder: Path, tmp_path: Path) -> None:
    csv.field_size_limit(131_072)  # as it is when a command begins
    table = tmp_path / "captions.csv"
    long = "x" * 200_000
    text = f"picture,caption,hashtags,confidence,familiar\r\na.png,{long},,0.5,FALSE\r\n"
    table.write_text(text, encoding="utf-8-sig")
    row = {"picture": "a.png", "caption": long, "confidence": 0.5, "familiar": False}
    assert resumed(table, folder)[1] == row


def test_json_lines_with_a_mark_and_blank_lines_are_resumed(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "captions.jsonl"
    row = {"picture": "a.png", "caption": "Sea you"}
    table.write_text(f"\n{json.dumps(row)}\n\n  \n", encoding="utf-8-sig")
    assert resumed(table, folder)[1] == row


def of_times(table: Path) -> None:
    parquet.write_table(pa.table({"picture": ["a.png"], "caption": [datetime(2026, 7, 1)]}), table)


def of_half_a_pair(table: Path) -> None:
    table.write_text('{"picture": "a.png", "caption": "\\ud83d"}\n')


@pytest.mark.parametrize(("suffix", "write"), [(".parquet", of_times), (".jsonl", of_half_a_pair)])
def test_a_table_with_what_no_caption_is_is_told(
    suffix: str,
    write: Callable[[Path], None],
    folder: Path,
    tmp_path: Path,
    capsys: Captured,
) -> None:
    table = tmp_path / f"captions{suffix}"
    write(table)
    before = table.read_bytes()
    assert run(folder, "--output", table, "--resume") == 2
    assert capsys.readouterr().err == (
        f"caption-studio: {table} holds a value that no table of captions holds, so there is no "
        "resuming it\n"
    )
    assert table.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([table.name, folder.name])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_row_that_cannot_be_written_is_told(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(TableFailed, match="a row holds a value that such a table cannot hold"):
        write_table(tmp_path / f"captions{suffix}", [{"picture": "a.png", "caption": "\ud83d"}])
    assert list(tmp_path.iterdir()) == []


def test_killed_at_20_random_moments_nothing_is_missing_or_double(
    folder: Path, tmp_path: Path
) -> None:
    chosen = random.Random(26)
    table = tmp_path / "captions.jsonl"
    start = "import sys; from caption_studio.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", start, "caption", str(folder)]
    killed: list[int] = []
    process: subprocess.Popen[bytes] | None = None
    kill_after = 0
    answered = 0
    lock = threading.Lock()

    def answer(url: str) -> Answer:
        nonlocal answered
        with lock:
            answered += 1
            if answered == kill_after and process is not None:
                os.kill(process.pid, signal.SIGKILL)
        return captioned(sent(url).decode())

    with serving(answer) as service:
        options = ["--url", service.url, "--in-flight", "2", "--output", str(table), "--resume"]
        for _ in range(20):
            with lock:
                answered, kill_after = 0, chosen.randint(1, 3)
                process = subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL)
            killed.append(process.wait(60))
            with (tmp_path / "captions.jsonl.journal").open("ab") as journal:
                journal.write(b'{"picture": "half')  # what a kill amid a write leaves
        process = None
        assert run(folder, *options) == 0
    assert killed == [-signal.SIGKILL] * 20
    rows = list(read_table(table))
    assert [row["picture"] for row in rows] == [str(path) for path in sorted(folder.iterdir())]
    assert [int(row["caption"]) for row in rows] == list(range(60))
    assert len(service.requests) <= 60 + 20 * 2


@pytest.mark.parametrize("left", ["captions.csv", "captions.csv.journal"])
def test_what_exists_is_refused_unless_told(
    left: str, folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    table = tmp_path / "captions.csv"
    (tmp_path / left).write_text("mine")
    with serving() as service:
        arguments = ("--url", service.url, folder, "--output", table)
        assert run(*arguments) == 2
        assert capsys.readouterr().err == (
            f"caption-studio: {tmp_path / left} exists: give --resume to go on, or --overwrite to "
            "begin anew\n"
        )
        assert (tmp_path / left).read_text() == "mine"
        assert service.requests == []
        assert run(*arguments, "--overwrite") == 0
    assert len(list(read_table(table))) == 60


def test_a_foreign_file_is_not_resumed(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    table = tmp_path / "other.csv"
    table.write_text("a,b\n1,2\n")
    assert run(folder, "--output", table, "--resume") == 2
    assert "is no table of captions" in capsys.readouterr().err
    (tmp_path / "other.csv.journal").write_text("what\n")
    assert run(folder, "--output", table, "--resume") == 2
    assert "line 1: it is no line of a journal" in capsys.readouterr().err
    assert table.read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--output", "captions.xlsx"], "must end in one of .jsonl, .csv, .parquet"),
        (["--output", "absent/captions.csv"], "absent is no folder"),
        (["--output", "captions.csv", "-"], "standard input has no name"),
        (["--output", "captions.csv", "--json"], "give one of them"),
        (["--output", "captions.csv", "\udcff.png"], "is no name in UTF-8"),
        (["--resume"], "need --output"),
    ],
)
def test_misuse_is_one_line(
    options: list[str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"piped")))
    assert run(*options, "a.png") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert list(tmp_path.iterdir()) == []


def test_too_many_errors_end_it_and_resume_goes_on(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    table = tmp_path / "captions.jsonl"
    options: tuple[Any, ...] = (folder, "--output", table, "--in-flight", 1)
    with serving(by_number) as service:
        assert run("--url", service.url, *options, "--max-errors", 0) == 1
    assert len(service.requests) == 8
    assert not table.exists()
    assert "more than 0 pictures failed: The image is truncated." in capsys.readouterr().err
    with serving() as service:
        assert run("--url", service.url, *options, "--resume") == 0
    assert len(service.requests) == 53


def test_a_service_that_is_not_there_ends_it(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    table = tmp_path / "captions.jsonl"
    assert run("--url", "http://127.0.0.1:9", folder, "--output", table) == 1
    first, last = capsys.readouterr().err.splitlines()
    assert "no service answers at http://127.0.0.1:9" in first
    assert last == f"caption-studio: {table} is not finished: --resume goes on"


def test_a_full_disk_is_said_in_a_sentence_and_loses_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    table = tmp_path / "captions.jsonl"
    really_write = os.write

    def write(file: int, data: bytes) -> int:
        if b'"picture"' not in data:
            return really_write(file, data)
        if b"30.png" in data:
            really_write(file, data[:9])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return really_write(file, data)

    with serving() as service, monkeypatch.context() as patched:
        patched.setattr(os, "write", write)
        assert run("--url", service.url, folder, "--output", table, "--in-flight", 1) == 1
    assert "cannot be written: No space left on device" in capsys.readouterr().err
    with serving() as service:
        assert run("--url", service.url, folder, "--output", table, "--resume") == 0
    assert len(service.requests) == 30
    assert len(list(read_table(table))) == 60


def test_one_command_at_a_time_writes_a_table(tmp_path: Path) -> None:
    table = tmp_path / "captions.jsonl"
    with (
        Journal(table, resume=True, overwrite=False),
        pytest.raises(TableFailed, match="another command"),
        Journal(table, resume=True, overwrite=False),
    ):
        pass


def test_a_table_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    table = tmp_path / "captions.jsonl"
    write_table(table, [{"picture": "a.png"}])

    def rows() -> Any:
        yield {"picture": "b.png"}
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(TableFailed, match="No space left"):
        write_table(table, rows())
    assert json.loads(table.read_text()) == {"picture": "a.png"}
    assert list(tmp_path.iterdir()) == [table]


def test_a_table_of_several_models_is_not_resumed(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    """One row for each picture is kept here, so the other models' rows would be lost."""
    table = tmp_path / "captions.jsonl"
    rows = [{"picture": "a.png", "model": model, "caption": "Sea you"} for model in ("one", "two")]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = table.read_text()
    with serving(by_number) as service:
        assert run("--url", service.url, folder, "--output", table, "--resume") == 2
    assert "has several rows for a.png" in capsys.readouterr().err
    assert table.read_text() == before
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["captions.jsonl"]
