"""What people decided on the page comes back; what is on the page stays text."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from caption_studio.cli import main
from caption_studio.training.dataset.reviewing.page import FORM, review_page, row_id
from caption_studio.training.rows import Row, read_rows, write_rows

HOSTILE = "</script><img src=x onerror=alert(1)><!--<script> &amp; \u2028 ' \" `${1}`"
ROWS = [
    Row("a boat", "Sea you!", picture="1.png", picture_id="1", writer="t"),
    Row("a duck", "Quack.", picture="2.png", picture_id="2", writer="t"),
    Row("a bus", HOSTILE, picture="3.png", picture_id="3"),
    Row("a cat", "Purr.", picture="4.png", picture_id="4"),
]


def export(path: Path, decisions: dict[str, Any], form: str = FORM) -> Path:
    path.write_text(json.dumps({"form": form, "name": "x", "decisions": decisions}))
    return path


def test_hostile_text_stays_text() -> None:
    rows = [Row(HOSTILE, HOSTILE, picture=HOSTILE, request=HOSTILE)]
    page = review_page(HOSTILE, rows, {HOSTILE: "data:image/jpeg;base64,AA"})
    tags: list[str] = []
    texts: list[str] = []

    class Seen(HTMLParser):
        def handle_starttag(self, tag: str, _: Any) -> None:
            tags.append(tag)

        def handle_data(self, data: str) -> None:
            texts.append(data)

    Seen().feed(page)
    assert tags.count("script") == 2
    assert "img" not in tags
    (data,) = [json.loads(text) for text in texts if text.startswith("{")]
    assert data["rows"][0]["caption"] == data["name"] == HOSTILE
    assert data["thumbnails"] == {HOSTILE: "data:image/jpeg;base64,AA"}


def test_the_page_asks_nothing_of_any_network() -> None:
    page = review_page("x", ROWS[:2], {})
    assert "default-src 'none'; img-src data:;" in page
    assert not re.findall(r"(?:src|href)=|https?://|innerHTML|insertAdjacentHTML|eval\(", page)


def test_decisions_are_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "set.jsonl"
    write_rows(path, ROWS)
    accept, edit, reject, _ = map(row_id, ROWS)
    decided = export(
        tmp_path / "review.json",
        {
            accept: {"decision": "accept"},
            edit: {"decision": "edit", "caption": " Quack\n quack! "},
            reject: {"decision": "reject"},
            "0" * 16: {"decision": "accept"},
        },
    )
    assert main(["dataset", "review", str(path), str(decided)]) == 0
    printed = capsys.readouterr()
    assert "3 captions (1 accepted, 1 edited, 1 rejected, 1 undecided)" in printed.out
    assert "1 decisions are about rows" in printed.err
    rows = read_rows(tmp_path / "set.reviewed.jsonl")
    assert [row.caption for row in rows] == ["Sea you!", "Quack quack!", "Purr."]
    assert [row.writer for row in rows] == ["t", "t, edited", ""]
    (line,) = (tmp_path / "set.reviewed.apart.jsonl").read_text().strip().split("\n")
    assert json.loads(line)["reason"] == "rejected"
    assert read_rows(path) == ROWS
    only = ["--accepted-only", "--output", str(tmp_path / "only.jsonl")]
    assert main(["dataset", "review", str(path), str(decided), *only]) == 0
    assert len(read_rows(tmp_path / "only.jsonl")) == 2


def test_a_row_keeps_its_id_when_its_split_changes() -> None:
    assert row_id(ROWS[0]) == row_id(
        Row("a boat", "Sea you!", picture="moved.png", picture_id="1", split="test")
    )
    assert len({row_id(row) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "it is no JSON"),
        ("[1]", "is no export of a review"),
        ('{"form": "another"}', "is no export of a review"),
        (json.dumps({"form": FORM}), "has no decisions"),
        (json.dumps({"form": FORM, "decisions": {"a": {"decision": "x"}}}), "decision about row a"),
        (
            json.dumps({"form": FORM, "decisions": {"a": {"decision": "edit", "caption": " "}}}),
            "decision about row a",
        ),
    ],
)
def test_what_is_no_export_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    path, decided = tmp_path / "set.jsonl", tmp_path / "review.json"
    write_rows(path, ROWS)
    decided.write_text(text)
    assert main(["dataset", "review", str(path), str(decided)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_nothing_left_and_nothing_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "set.jsonl"
    write_rows(path, ROWS)
    decided = export(
        tmp_path / "review.json", {row_id(row): {"decision": "reject"} for row in ROWS}
    )
    assert main(["dataset", "review", str(path), str(decided)]) == 1
    assert "No caption is left" in capsys.readouterr().err
    assert not (tmp_path / "set.reviewed.jsonl").exists()
    assert main(["dataset", "review", str(path), str(decided), "--output", str(path)]) == 2
    assert "would be written over" in capsys.readouterr().err
    assert main(["dataset", "review", str(tmp_path / "no.jsonl"), str(decided)]) == 2
