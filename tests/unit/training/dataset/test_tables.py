"""Tables that people have are read by the names of their columns."""

import csv
import os
from pathlib import Path

import pytest

from caption_studio.training.dataset.items import Item
from caption_studio.training.dataset.tables import Columns, read_table
from caption_studio.training.rows import DataSetError


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_with_quotes_lines_and_a_mark_at_its_start(tmp_path: Path) -> None:
    text = '\ufeffdescription,caption,likes\n"a, b","Zwei\nZeilen",3\n007,"She said ""hi"""\n'
    assert read_table(write(tmp_path, "a.csv", text), Columns()) == [
        Item(description="a, b", caption="Zwei\nZeilen"),
        Item(description="007", caption='She said "hi"'),
    ]


def test_a_long_field_is_read(tmp_path: Path) -> None:
    csv.field_size_limit(131_072)  # as it is when a command begins
    long = "x" * 200_000
    table = write(tmp_path, "a.csv", f"description,notes\na bus,{long}\n")
    assert read_table(table, Columns()) == [Item(description="a bus")]


def test_pictures_lie_beside_the_table_else_where_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "tables" / "a.csv"
    table.parent.mkdir()
    for path in (table.parent / "1.png", tmp_path / "2.png"):
        path.touch()
    table.write_text("img\n1.png\n2.png\nabsent.png\nhttps://x.example/3.png\n")
    monkeypatch.chdir(tmp_path)
    found = [item.picture for item in read_table(table, Columns(picture="img"))]
    beside = os.fspath(table.parent)
    assert found == [f"{beside}/1.png", "2.png", f"{beside}/absent.png", "https://x.example/3.png"]


def test_rows_of_our_own_form_keep_request_and_facts(tmp_path: Path) -> None:
    line = (
        '{"description": "a bus", "caption": "Go!", "request": "short",'
        ' "facts": {"subject": "bus", "number": 1, "x": "y"}, "split": "test"}'
    )
    (item,) = read_table(write(tmp_path, "a.jsonl", f"{line}\n\n"), Columns())
    assert item.request == "short"
    assert item.facts == {"subject": "bus", "number": "1"}


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"d": ["a bus", None], "c": ["Go!", "No"]}), path)
    assert read_table(path, Columns(description="d", caption="c")) == [
        Item(description="a bus", caption="Go!"),
        Item(caption="No", problem="the row has neither picture nor description"),
    ]
    write(tmp_path, "b.parquet", "nonsense")
    with pytest.raises(DataSetError, match="no Parquet file"):
        read_table(tmp_path / "b.parquet", Columns())


@pytest.mark.parametrize(
    ("name", "text", "columns", "said"),
    [
        ("a.csv", "x,y\n1,2\n", Columns(), "needs a column of pictures or one of descriptions"),
        ("a.csv", "picture\na.png\n", Columns(caption="c"), "no column 'c'; it has picture"),
        ("a.csv", "", Columns(), "has no rows"),
        ("a.csv", "description\n", Columns(), "has no rows"),
        ("a.csv", 'd\na\n"b\nc\n', Columns(description="d"), "a quote is not closed"),
        ("a.jsonl", "{}\nnonsense\n", Columns(), "line 2: it is no JSON"),
        ("a.jsonl", "{}\n" + "[" * 200_000, Columns(), "line 2: it is no JSON"),
        ("a.jsonl", "[1]\n", Columns(), "line 1: it is no JSON object"),
        ("a.jsonl", '{"picture": {"bytes": "x"}}\n', Columns(), "column picture holds no text"),
        ("a.txt", "x", Columns(), "its name must end in .csv, .jsonl, .parquet"),
    ],
)
def test_a_table_that_cannot_be_used_is_told(
    tmp_path: Path, name: str, text: str, columns: Columns, said: str
) -> None:
    with pytest.raises(DataSetError, match=said):
        read_table(write(tmp_path, name, text), columns)


def test_a_row_that_cannot_be_used_is_noted(tmp_path: Path) -> None:
    lines = [
        '{"description": "a"}',
        '{"description": "b", "facts": [1]}',
        '{"description": "\\ud800"}',
    ]
    good, bad, odd = read_table(write(tmp_path, "a.jsonl", "\n".join(lines)), Columns())
    assert good.problem == ""
    assert bad.problem == "facts is no JSON object"
    assert odd.description == "?"
