"""INPUT → pictures: folders, lists and tables, each picture once."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from caption_studio.offline.inputs import pictures_in
from caption_studio.offline.messages import Asked
from tests.unit.offline.stages import MODELS


def found(source: object, column: str | None = None) -> list[Asked]:
    return pictures_in(str(source), column=column, models=MODELS)


def test_a_folder_with_paths_that_every_process_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "boats").mkdir()
    for name in ("b.png", "a.jpg", "notes.txt"):
        (tmp_path / "boats" / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert found("boats") == [
        Asked("boats/a.jpg", f"{tmp_path}/boats/a.jpg", MODELS),
        Asked("boats/b.png", f"{tmp_path}/boats/b.png", MODELS),
    ]
    assert [one.picture for one in found("boats/*.png")] == ["boats/b.png"]


def test_a_list_names_each_picture_once(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    url = "https://example.com/a.png"
    listed.write_text(f"{url}\ns3://bucket/b.png\n{url}\n{tmp_path}/none.png\n")
    first, second, third = found(listed)
    assert first == Asked(url, url, MODELS)
    assert second.address == "s3://bucket/b.png"
    assert third.problem == "there is no such file"


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_a_table_with_a_column_of_pictures(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    table = tmp_path / f"table{suffix}"
    rows = [{"image": "a.png", "price": 3}, {"image": None, "price": 1}]
    if suffix == ".jsonl":
        table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        parquet.write_table(pa.Table.from_pylist(rows), table)
    first, second = found(table, "image")
    assert first.address == str(tmp_path / "a.png")
    assert (second.picture, second.problem) == (
        f"{table}, row 2",
        "the row names no picture",
    )
    with pytest.raises(ValueError, match="has no column 'picture'; it has image, price"):
        found(table)


def test_a_column_is_one_of_a_table(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--picture-column needs a table"):
        found(tmp_path, "image")


@pytest.mark.parametrize("source", ["/nowhere", "nowhere://bucket/"])
def test_an_input_that_is_none_is_told(source: str) -> None:
    with pytest.raises(ValueError, match=r"no such file|only files and addresses of http"):
        found(source)


@pytest.mark.parametrize(
    "address",
    [
        "simplecache::http://127.0.0.1:9/a.png",
        "zip://a.png::http://127.0.0.1:9/a.zip",
        "s3://bucket/a.png::http://127.0.0.1:9/a.png",
        "ftp://127.0.0.1/a.png",
        "file:///etc/a.png",
    ],
)
def test_no_address_leads_past_the_guard(address: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only files and addresses of http, https, s3 and gs"):
        found(address)
    (tmp_path / "list.txt").write_text(f"{address}\nhttps://example.com/a.png\n")
    refused, taken = found(tmp_path / "list.txt")
    assert refused.problem.startswith("only files and addresses")
    assert not taken.problem
    (tmp_path / "table.jsonl").write_text(json.dumps({"picture": address}) + "\n")
    (refused,) = found(tmp_path / "table.jsonl")
    assert refused.problem.startswith("only files and addresses")


def test_other_columns_of_a_table_are_the_users_own(tmp_path: Path) -> None:
    row = {"picture": "https://example.com/a.png", "description": 3, "request": 4, "facts": "x"}
    (tmp_path / "table.jsonl").write_text(json.dumps(row) + "\n")
    (one,) = found(tmp_path / "table.jsonl")
    assert (one.picture, one.problem) == (row["picture"], "")


def test_a_table_without_any_picture_is_told(tmp_path: Path) -> None:
    (tmp_path / "table.jsonl").write_text(json.dumps({"picture": ""}) + "\n")
    with pytest.raises(ValueError, match="names no picture in its column 'picture'"):
        found(tmp_path / "table.jsonl")
