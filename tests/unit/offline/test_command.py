"""`caption-studio batch`: misuses are told in a sentence, before anything starts."""

import json
from pathlib import Path

import pytest

from caption_studio.cli import main
from caption_studio.client.tables import read_table
from caption_studio.offline import command
from caption_studio.offline.cluster import reason_of
from tests.unit.offline.stages import MODELS, local_flow

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    # The command sets it, and it would stay for later tests.
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"x")
    return folder


def told(capsys: Captured, *arguments: object) -> str:
    assert main(["batch", *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_an_unknown_model_names_those_there_are(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    said = told(capsys, folder, tmp_path / "captions.csv", "--model", "nobody")
    assert said == (
        "caption-studio: There is no model 'nobody'. There are: falcon-demo, caption-demo, "
        "caption-demo-plain.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{folder}", "captions.xlsx"], "captions.xlsx must end in one of .jsonl, .csv, .parquet"),
        (["/nowhere", "captions.csv"], "There is nothing to describe. /nowhere: there is no such"),
        (["{folder}", "a.csv", "--config", "none.yaml"], "none.yaml is no valid configuration"),
        (["{folder}", "a.csv", "--picture-column", "x"], "--picture-column needs a table"),
    ],
)
def test_a_misuse_is_told(arguments: list[str], says: str, folder: Path, capsys: Captured) -> None:
    said = told(capsys, *(one.format(folder=folder) for one in arguments))
    assert says in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("price", ["cheap", "-1", "nan", "inf"])
def test_a_price_that_is_none_is_told(price: str, folder: Path, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["batch", str(folder), "a.csv", f"--price-per-hour={price}"])
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.endswith(f"argument --price-per-hour: {price} is no price")


def test_a_config_file_without_an_application_is_told(
    folder: Path, tmp_path: Path, capsys: Captured
) -> None:
    config = tmp_path / "empty.yaml"
    config.write_text("applications: []")
    said = told(capsys, folder, tmp_path / "captions.csv", "--config", config)
    assert said == f"caption-studio: {config} names no application.\n"


def test_a_table_that_exists_is_refused(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    table = tmp_path / "captions.csv"
    table.write_text("mine")
    assert "give --resume to go on, or --overwrite" in told(capsys, folder, table)
    assert table.read_text() == "mine"


def test_without_ray_data_the_extra_is_named(
    folder: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "RAY_DATA_NEEDS", ("no_such_module",))
    said = told(capsys, folder, tmp_path / "captions.csv")
    assert said == (
        "caption-studio: batch needs Ray Data: install caption-studio with its extra `batch`\n"
    )


def test_the_reason_is_the_last_line_of_rays_traceback() -> None:
    error = RuntimeError(
        "The actor died\n  File x\ncaption_studio.errors.models.InvalidAdapter: No.\n"
    )
    assert reason_of(error) == "No."
    assert reason_of(RuntimeError("OSError: no room")) == "OSError: no room"
    assert reason_of(RuntimeError()) == "RuntimeError"


def test_what_is_read_is_not_written_over(folder: Path, tmp_path: Path, capsys: Captured) -> None:
    table = tmp_path / "pictures.jsonl"
    table.write_text(json.dumps({"picture": str(folder / "a.png"), "price": 3}) + "\n")
    before = table.read_text()
    for how in ("--overwrite", "--resume"):
        assert f"{table} is read by this run" in told(capsys, table, table, how)
    listed = folder / "a.txt"
    listed.write_text(str(folder / "a.png"))
    assert f"{listed} is read by this run" in told(capsys, listed, ".txt", "--overwrite")
    assert (table.read_text(), listed.read_text()) == (before, str(folder / "a.png"))


def test_a_row_with_a_name_that_no_file_has_ends_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = local_flow()
    monkeypatch.setattr(command, "_on_ray", lambda lacking, *_: flow(lacking))
    table = tmp_path / "pictures.jsonl"
    names = [str(folder / "a.png"), f"{folder}/b\0.png"]
    table.write_text("".join(json.dumps({"picture": name}) + "\n" for name in names))
    output = tmp_path / "captions.jsonl"
    assert main(["batch", str(table), str(output), "--model", *MODELS]) == 1
    good, bad = read_table(output)
    assert (good["picture"], good["caption"]) == (names[0], "Sea you")
    assert (bad["picture"], bad["error"]) == (names[1], "this is no file name")
    assert main(["batch", str(table), ".txt", "--model", *MODELS]) == 1
    assert (folder / "a.txt").read_text() == "Sea you\n"
