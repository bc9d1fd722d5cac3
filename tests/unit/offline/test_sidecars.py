"""OUTPUT `.txt` or `.json`: a file beside each picture."""

import json
from pathlib import Path

import pytest

from caption_studio.offline.inputs import pictures_in
from caption_studio.offline.messages import Asked
from caption_studio.offline.run import Job, run
from tests.unit.offline.stages import MODELS, local_flow

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(10):
        (tmp_path / f"{number}.png").write_bytes(str(number).encode())
    return tmp_path


def job(folder: Path, suffix: str, **options: bool) -> Job:
    return Job(pictures_in(str(folder), column=None, models=MODELS), Path(suffix), **options)


def test_a_text_holds_the_caption(folder: Path, capsys: Captured) -> None:
    assert run(job(folder, ".txt"), local_flow()) == 0
    texts = sorted(folder.glob("*.txt"))
    assert [text.name for text in texts] == [f"{number}.txt" for number in range(10)]
    assert {text.read_text() for text in texts} == {"Sea you\n"}
    assert len(list(folder.iterdir())) == 20
    assert ".txt: 10 rows, 0 of them with an error" in capsys.readouterr().err


def test_json_holds_the_row(folder: Path) -> None:
    assert run(job(folder, ".json"), local_flow()) == 0
    row = json.loads((folder / "3.json").read_text())
    assert (row["picture"], row["description"]) == (str(folder / "3.png"), "a picture of 3")


def test_what_is_there_is_refused_kept_or_replaced(folder: Path, capsys: Captured) -> None:
    (folder / "3.txt").write_text("mine")
    assert run(job(folder, ".txt"), local_flow()) == 2
    assert f"{folder}/3.txt exists: give --resume" in capsys.readouterr().err
    done: list[str] = []
    flow = local_flow(lambda what, whom: done.append(whom) if what == "done" else None)
    assert run(job(folder, ".txt", resume=True), flow) == 0
    assert len(done) == 9
    assert (folder / "3.txt").read_text() == "mine"
    assert run(job(folder, ".txt", overwrite=True), local_flow()) == 0
    assert (folder / "3.txt").read_text() == "Sea you\n"


def test_a_picture_that_fails_has_no_file_and_is_tried_again(
    folder: Path, capsys: Captured
) -> None:
    (folder / "3.png").write_bytes(b"")
    assert run(job(folder, ".txt"), local_flow()) == 1
    assert not (folder / "3.txt").exists()
    printed = capsys.readouterr().err
    assert f"{folder}/3.png: the file is empty" in printed
    assert ".txt: 10 rows, 1 of them with an error" in printed
    (folder / "3.png").write_bytes(b"3")
    assert run(job(folder, ".txt", resume=True), local_flow()) == 0
    assert (folder / "3.txt").exists()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ([Asked("a.png", "/a.png", ("one", "two"))], "name one --model"),
        ([Asked("s3://b/a.png", "s3://b/a.png", MODELS)], "s3://b/a.png is no file here"),
        (
            [Asked("a.png", "/a.png", MODELS), Asked("a.jpg", "/a.jpg", MODELS)],
            "a.png and a.jpg would both have /a.txt",
        ),
    ],
)
def test_pictures_that_can_have_none_are_refused(
    asked: list[Asked], says: str, capsys: Captured
) -> None:
    assert run(Job(asked, Path(".txt")), local_flow()) == 2
    assert says in capsys.readouterr().err


def test_a_name_that_no_file_can_have_is_a_failure_of_its_own(
    tmp_path: Path, capsys: Captured
) -> None:
    good, longest = tmp_path / "a.png", tmp_path / ("b" * 246 + ".png")
    good.write_bytes(b"x")
    longest.write_bytes(b"x")
    names = [str(good), str(longest), str(tmp_path / ("c" * 251 + ".p")), "/", "a\0.png"]
    asked = [Asked(name, name, MODELS) for name in names]
    assert run(Job(asked, Path(".json")), local_flow()) == 1
    there = sorted(file.name for file in tmp_path.glob("*.json"))
    assert there == ["a.json", "b" * 246 + ".json"]
    assert "5 rows, 3 of them with an error" in capsys.readouterr().err
