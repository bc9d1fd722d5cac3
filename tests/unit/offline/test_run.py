"""A table of many pictures, through stages over fakes: what it holds, whatever ends the run."""

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import pytest

from caption_studio.client.tables import read_table
from caption_studio.offline.inputs import pictures_in
from caption_studio.offline.messages import Asked, Done
from caption_studio.offline.run import Job, Unfinished, run
from caption_studio.offline.spent import Spent
from caption_studio.offline.stopping import STOP_SIGNALS
from tests.unit.offline.stages import BATCH, MODELS, local_flow

Captured = pytest.CaptureFixture[str]
SUFFIXES = (".jsonl", ".csv", ".parquet")
TWO_MODELS = ("caption-demo", "caption-demo-plain")
KILLS = 20
ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder of 60 files whose content is their number."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:02}.png").write_bytes(f"{number:02}".encode())
    return folder


def job(folder: Path, table: Path, models: Sequence[str] = MODELS, **options: object) -> Job:
    return Job(pictures_in(str(folder), column=None, models=models), table, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_row_for_each_picture_in_their_order(
    suffix: str, folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    (folder / "07.png").write_bytes(b"")
    table = tmp_path / f"captions{suffix}"
    assert run(job(folder, table), local_flow()) == 1
    rows = list(read_table(table))
    assert [row["picture"] for row in rows] == [str(path) for path in sorted(folder.iterdir())]
    failed = {"picture": str(folder / "07.png"), "model": MODELS[0], "error": "the file is empty"}
    assert rows[7] == failed
    row = {name: value for name, value in rows[8].items() if name != "adapter"}
    assert row == {
        "picture": str(folder / "08.png"),
        "model": "caption-demo",
        "description": "a picture of 08",
        "caption": "Sea you",
        "hashtags": [],
        "alt_text": "A picture of 08.",
        "confidence": 0.5,
        "familiar": True,
    }
    printed = capsys.readouterr().err
    assert "60 rows, 1 of them with an error; 59 pictures captioned now" in printed
    assert "this run: 413 tokens in, 118 out\n" in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([table.name, folder.name])


def test_several_voices_share_a_description(folder: Path, tmp_path: Path) -> None:
    table, seen = tmp_path / "captions.jsonl", Counter[str]()
    flow = local_flow(lambda what, _: seen.update([what]), models=TWO_MODELS)
    assert run(job(folder, table, TWO_MODELS), flow) == 0
    rows = [(row["picture"], row["model"]) for row in read_table(table)]
    assert rows == [(str(path), one) for path in sorted(folder.iterdir()) for one in TWO_MODELS]
    assert seen == {"described": 60, "done": 60}


def test_a_further_voice_is_added_by_resuming(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "captions.jsonl"
    assert run(job(folder, table), local_flow()) == 0
    flow = local_flow(models=TWO_MODELS)
    assert run(job(folder, table, TWO_MODELS, resume=True), flow) == 0
    assert Counter(row["model"] for row in read_table(table)) == dict.fromkeys(TWO_MODELS, 60)


def test_equal_pixels_are_described_once(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    for number in range(30, 60):
        (folder / f"{number}.png").write_bytes(b"alike")
    seen = Counter[str]()
    table = tmp_path / "captions.jsonl"
    assert run(job(folder, table), local_flow(lambda what, _: seen.update([what]))) == 0
    assert seen == {"described": 31, "done": 60}
    assert "29 described by an equal one" in capsys.readouterr().err
    descriptions = [row["description"] for row in read_table(table)]
    assert descriptions[30:] == ["a picture of alike"] * 30


def test_killed_at_20_random_moments_nothing_is_missing_or_double(
    folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "captions.jsonl"
    command = [sys.executable, "-m", "tests.unit.offline.killed", folder, table, str(KILLS)]
    ended = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=300, cwd=ROOT
    )
    assert ended.stdout.split() == [str(-signal.SIGKILL)] * KILLS + ["0"]
    rows = list(read_table(table))
    assert [row["picture"] for row in rows] == [str(path) for path in sorted(folder.iterdir())]
    assert all(row["caption"] == "Sea you" for row in rows)
    lines = (tmp_path / "happened").read_text().splitlines()
    described = [line for line in lines if line.startswith("described")]
    assert 60 <= len(described) <= 60 + KILLS * BATCH  # each kill lost one batch at most


@pytest.mark.parametrize("left", ["captions.csv", "captions.csv.journal"])
def test_what_exists_is_refused_unless_told(
    left: str, folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    table = tmp_path / "captions.csv"
    (tmp_path / left).write_text("mine")
    assert run(job(folder, table), local_flow()) == 2
    assert capsys.readouterr().err == (
        f"caption-studio: {tmp_path / left} exists: give --resume to go on, or --overwrite to "
        "begin anew\n"
    )
    assert (tmp_path / left).read_text() == "mine"
    assert run(job(folder, table, overwrite=True), local_flow()) == 0
    assert len(list(read_table(table))) == 60


def test_failed_rows_are_tried_again_and_the_others_are_not(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "captions.jsonl"
    (folder / "07.png").write_bytes(b"")
    assert run(job(folder, table), local_flow()) == 1
    (folder / "07.png").write_bytes(b"07")
    done: list[str] = []
    flow = local_flow(lambda what, whom: done.append(f"{what} {whom}"))
    assert run(job(folder, table, resume=True), flow) == 0
    assert done == ["described a picture of 07", f"done {folder / '07.png'}"]


def test_a_run_that_goes_on_tells_what_it_has_spent_itself(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    table = tmp_path / "captions.jsonl"

    def stopped(lacking: Sequence[Asked]) -> Generator[Done]:
        yield from list(local_flow()(lacking))[:20]
        raise Unfinished("Ray has ended")

    assert run(job(folder, table), stopped, Spent(3600.0)) == 1
    printed = capsys.readouterr().err
    assert re.search(
        r"this run: 140 tokens in, 40 out, cost \d\.\d{4} of about \d\.\d{4}\n", printed
    )
    assert run(job(folder, table, resume=True), local_flow(), Spent(3600.0)) == 0
    printed = capsys.readouterr().err
    assert re.search(r"this run: 280 tokens in, 80 out, cost \d\.\d{4}\n", printed)
    assert run(job(folder, table, resume=True), local_flow(), Spent(3600.0)) == 0
    assert "this run" not in capsys.readouterr().err


def test_a_table_that_lacks_nothing_starts_no_flow(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "captions.jsonl"
    assert run(job(folder, table), local_flow()) == 0

    def never(_: Sequence[Asked]) -> Generator[Done]:
        raise AssertionError

    assert run(job(folder, table, resume=True), never) == 0


def test_too_many_errors_end_it_and_what_is_done_is_kept(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    table = tmp_path / "captions.jsonl"
    for number in (20, 25):
        (folder / f"{number}.png").write_bytes(b"")
    assert run(job(folder, table, max_errors=1), local_flow()) == 1
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "caption-studio: more than 1 pictures failed: the file is empty",
        f"caption-studio: {table} is not finished: --resume goes on",
    ]
    assert not table.exists()
    done: list[str] = []
    flow = local_flow(lambda _, whom: done.append(whom))
    assert run(job(folder, table, resume=True, max_errors=2), flow) == 1
    assert str(folder / "19.png") not in done
    assert len(list(read_table(table))) == 60


@pytest.mark.parametrize(
    ("done", "says"), [(3, "57 pictures got lost on their way"), (None, "Ray has ended")]
)
def test_a_flow_that_ends_early_is_no_whole_table(
    done: int | None, says: str, folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    table = tmp_path / "captions.jsonl"

    def broken(lacking: Sequence[Asked]) -> Generator[Done]:
        yield from list(local_flow()(lacking))[: done or 3]
        if done is None:
            raise Unfinished("Ray has ended")

    assert run(job(folder, table), broken) == 1
    assert says in capsys.readouterr().err
    assert not table.exists()
    assert run(job(folder, table, resume=True), local_flow()) == 0
    assert len(list(read_table(table))) == 60


def test_a_bad_name_of_the_table_is_a_misuse(folder: Path, tmp_path: Path) -> None:
    assert run(job(folder, tmp_path / "captions.xlsx"), local_flow()) == 2


def test_a_failure_noted_by_the_other_command_gives_way(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "captions.jsonl"
    name = str(folder / "00.png")
    table.write_text(json.dumps({"picture": name, "error": "no answer"}) + "\n")
    for _ in range(2):
        assert run(job(folder, table, resume=True), local_flow()) == 0
        rows = [json.loads(line) for line in table.read_text().splitlines()]
        assert [row.get("model") for row in rows if row["picture"] == name] == list(MODELS)


def test_a_caption_of_no_named_model_is_kept(tmp_path: Path) -> None:
    """A table of one's own may have no column of models."""
    table = tmp_path / "captions.jsonl"
    table.write_text(json.dumps({"picture": "old.png", "caption": "Sea you"}) + "\n")
    assert run(Job([], table, resume=True), local_flow()) == 0
    assert [row["picture"] for row in read_table(table)] == ["old.png"]


@pytest.fixture
def heard() -> Iterator[None]:
    """Have no signal ignored, as it is for tests in the background of a shell or under nohup."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_ends_it_with_a_sentence_and_what_is_done_is_kept(
    number: signal.Signals, folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    table, ended = tmp_path / "captions.jsonl", Counter[str]()
    before = signal.getsignal(number)

    def stopped(lacking: Sequence[Asked]) -> Generator[Done]:
        try:
            for count, done in enumerate(local_flow()(lacking)):
                if count == 5:
                    signal.raise_signal(number)
                yield done
        finally:
            signal.raise_signal(number)  # one who is in a hurry
            ended.update(["in order"])

    assert run(job(folder, table), stopped) == 128 + number
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"caption-studio: stopped by {number.name}; {table} is not finished: --resume goes on"
    )
    assert ended == {"in order": 1}
    assert signal.getsignal(number) == before
    done: list[str] = []
    flow = local_flow(lambda what, _: done.append(what))
    assert run(job(folder, table, resume=True), flow) == 0
    assert done.count("done") == 55
    assert len(list(read_table(table))) == 60


def test_a_signal_that_is_ignored_stays_ignored(folder: Path, tmp_path: Path) -> None:
    """As SIGHUP under nohup."""

    def signalled(lacking: Sequence[Asked]) -> Generator[Done]:
        signal.raise_signal(signal.SIGHUP)
        yield from local_flow()(lacking)

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run(job(folder, tmp_path / "captions.jsonl"), signalled) == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
