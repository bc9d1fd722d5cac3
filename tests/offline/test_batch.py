"""Pictures through the embedded models by `caption-studio batch`, without a service."""

import os
import re
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest

from caption_studio.client.tables import read_table
from tests.conftest import ROOT, one_start_at_a_time
from tests.offline.batch_command import left_behind, paint, run, started, wait_until

pytestmark = pytest.mark.engine

GUIDE = (ROOT / "docs" / "offline.md").read_text()
MODELS = ("caption-demo", "caption-demo-plain")
STOP_S = 60


def rows_in(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def test_the_guides_example_captions_a_folder(tmp_path: Path) -> None:
    (line,) = re.findall(r"^\.venv/bin/caption-studio batch (.*)$", GUIDE, flags=re.MULTILINE)
    arguments = line.split()
    folder, table = (tmp_path / name for name in arguments)
    first, *_ = paint(folder, 40)
    shutil.copy(first, folder / "alike.png")
    (folder / "broken.png").write_bytes(b"no picture")
    with one_start_at_a_time():
        status, printed = run(
            tmp_path, *arguments, "--price-per-hour=2", *(f"--model={model}" for model in MODELS)
        )
    assert status == 1, printed
    assert "84 rows, 2 of them with an error; 41 pictures captioned now" in printed
    assert "1 described by an equal one" in printed
    assert re.search(r"this run: [\d,]+ tokens in, [\d,]+ out, \d+\.\d{3} CPU-hours, cost", printed)
    rows = list(read_table(table))
    pictures = sorted(str(path.relative_to(tmp_path)) for path in folder.iterdir())
    assert [row["picture"] for row in rows] == [name for name in pictures for _ in MODELS]
    errors = [row for row in rows if "error" in row]
    assert {row["picture"] for row in errors} == {f"{folder.name}/broken.png"}
    good = [row for row in rows if "error" not in row]
    assert all(row["description"] and row["caption"] for row in good)
    described = {row["picture"]: row["description"] for row in good}
    assert described[f"{folder.name}/alike.png"] == described[f"{folder.name}/{first.name}"]
    assert left_behind() == []


@pytest.mark.slow
def test_killed_at_3_moments_nothing_is_missing_or_double(tmp_path: Path) -> None:
    pictures = paint(tmp_path / "pictures", 600)
    table, log = tmp_path / "captions.jsonl", tmp_path / "log"
    journal = tmp_path / "captions.jsonl.journal"
    arguments = ("pictures", "captions.jsonl", "--resume")
    with one_start_at_a_time():
        for rows in (1, 150, 300):
            with started(tmp_path, *arguments) as process:
                wait_until(lambda rows=rows: rows_in(journal) >= rows, process, log)  # type: ignore[misc]
                process.send_signal(signal.SIGKILL)
                process.wait()
        done = rows_in(journal)
        assert done < len(pictures), "it was killed too late"
        status, printed = run(tmp_path, *arguments)
    assert status == 0, printed
    assert f"{len(pictures) - done} pictures captioned now" in printed
    counts = Counter(row["picture"] for row in read_table(table))
    assert counts == {f"pictures/{path.name}": 1 for path in pictures}
    assert all(row["caption"] for row in read_table(table))
    assert left_behind() == []


@pytest.mark.slow
def test_signals_end_it_in_order_and_it_goes_on(tmp_path: Path) -> None:
    # Of a few hundred the last would be captioned before the signal comes.
    pictures = paint(tmp_path / "pictures", 1200)
    table, log = tmp_path / "captions.jsonl", tmp_path / "log"
    journal = tmp_path / "captions.jsonl.journal"
    arguments = ("pictures", "captions.jsonl", "--resume")
    with one_start_at_a_time():
        for number, rows in ((signal.SIGTERM, 1), (signal.SIGINT, 120)):
            with started(tmp_path, *arguments) as process:
                wait_until(lambda rows=rows: rows_in(journal) >= rows, process, log)  # type: ignore[misc]
                os.killpg(process.pid, number)  # as a terminal does
                assert process.wait(STOP_S) == 128 + number
            assert log.read_text().splitlines()[-1] == (
                f"caption-studio: stopped by {number.name}; captions.jsonl is not finished: "
                "--resume goes on"
            )
            assert left_behind() == []
        done = rows_in(journal)
        status, printed = run(tmp_path, *arguments)
    assert status == 0, printed
    assert f"{len(pictures) - done} pictures captioned now" in printed
    counts = Counter(row["picture"] for row in read_table(table))
    assert counts == {f"pictures/{path.name}": 1 for path in pictures}
