"""The page that `dataset build --review` writes, in a real browser; no service is needed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caption_studio.cli import main
from caption_studio.training.dataset.looks import thumbnail
from caption_studio.training.dataset.reviewing.page import review_page, row_id
from caption_studio.training.rows import Row, read_rows, write_rows
from tests.page.studio import LACKING
from tests.pictures import held_out

pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"it takes {' and '.join(LACKING)}")

HOSTILE = "</script><img src=x onerror=\"document.title='harmed'\"><!--<script> \u2028 `${1}`"
ROWS = [
    Row("a boat", "Sea you!", picture="1.png", picture_id="1"),
    Row("a duck", "Quack.", picture="2.png", picture_id="2"),
    Row("a bus", HOSTILE, picture="3.png", picture_id="3"),
    Row("a cat", "Purr.", picture="4.png", picture_id="4"),
]


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """The page, opened from its file; it may not complain."""
    picture = next(held_out(1)).encoded()
    path = tmp_path / "set.review.html"
    path.write_text(review_page("set.jsonl", ROWS, {"1.png": thumbnail(picture)}))
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert complaints == []


def counts(page: Any) -> str:
    return str(page.locator("#counts").inner_text())


def export(page: Any, folder: Path) -> Path:
    with page.expect_download() as download:
        page.keyboard.press("x")
    assert download.value.suggested_filename == "set.review.json"
    path = folder / "export.json"
    download.value.save_as(path)
    return path


def test_hostile_text_is_shown_and_does_nothing(page: Any) -> None:
    assert page.title() == "Review: set.jsonl"
    assert page.locator("article").count() == 4
    assert page.locator("img").count() == 1
    assert page.locator(".caption").nth(2).text_content() == HOSTILE
    assert page.locator("img").evaluate("image => image.naturalWidth") == 192


def test_by_keyboard_from_the_page_back_into_rows(page: Any, tmp_path: Path) -> None:
    page.keyboard.press("a")
    page.keyboard.press("e")
    page.keyboard.press("Control+a")
    page.keyboard.type("Quack, rather!")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("j")
    page.keyboard.press("r")
    assert counts(page) == "1 accepted, 1 edited, 1 rejected, 1 to go"
    write_rows(tmp_path / "set.jsonl", ROWS)
    exported = export(page, tmp_path)
    assert main(["dataset", "review", str(tmp_path / "set.jsonl"), str(exported)]) == 0
    rows = read_rows(tmp_path / "set.reviewed.jsonl")
    assert [row.caption for row in rows] == ["Sea you!", "Quack, rather!", "Purr."]


def test_by_mouse_with_a_way_back(page: Any, tmp_path: Path) -> None:
    page.get_by_label("Reject caption 1").click()
    page.get_by_label("Accept caption 2").click()
    page.get_by_label("Edit caption 3").click()
    page.get_by_label("Caption 3", exact=True).fill("A bus.")
    page.get_by_label("Keep the edit of caption 3").click()
    page.get_by_label("Undo the decision about caption 1").click()
    page.get_by_label("Edit caption 4").click()
    page.keyboard.press("Escape")
    assert counts(page) == "1 accepted, 1 edited, 0 rejected, 2 to go"
    decisions = json.loads(export(page, tmp_path).read_text())["decisions"]
    assert decisions == {
        row_id(ROWS[1]): {"decision": "accept"},
        row_id(ROWS[2]): {"decision": "edit", "caption": "A bus."},
    }


def test_decisions_are_there_when_the_page_is_opened_again(page: Any) -> None:
    page.keyboard.press("r")
    page.reload()
    assert counts(page) == "0 accepted, 0 edited, 1 rejected, 3 to go"
    page.select_option("#filter", "reject")
    assert page.locator("article:visible").count() == 1


def test_it_fits_a_phone(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
