"""The voices to choose from, and what captions are held to, on the page of the running service."""

import csv
import json
import time
from typing import Any
from unicodedata import category

import httpx
import pytest

from tests.page.studio import LACKING, VOICE, Studio
from tests.page.test_studio import EXAMPLE

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(bool(LACKING), reason=f"it takes {' and '.join(LACKING)}"),
]

APPEARS_WITHIN_S = 60


def test_each_voice_says_what_it_is_for(voice: str, studio: Studio) -> None:
    box = studio.page.get_by_label(voice, exact=True)
    note = studio.page.locator(f"[id='{box.get_attribute('aria-describedby')}']")
    assert note.inner_text() == VOICE["description"]
    assert note.is_visible()
    own = studio.page.get_by_label("caption-demo", exact=True)
    about = studio.page.locator(f"[id='{own.get_attribute('aria-describedby')}']")
    assert about.inner_text() == "Lively, with emoji and hashtags"
    assert own.is_checked()
    assert not box.is_checked()


def test_a_voice_added_meanwhile_appears_and_goes(studio: Studio, admin: httpx.Client) -> None:
    box = studio.page.get_by_label(VOICE["id"], exact=True)
    assert box.count() == 0
    admin.post("voices", json=VOICE).raise_for_status()
    wait_until(studio, box, 1)
    studio.expect_status(f"New: {VOICE['id']}.")
    assert not box.is_checked()
    studio.page.get_by_label("caption-demo", exact=True).uncheck()
    box.check()
    studio.add(EXAMPLE)
    studio.expect_status("1 of 1 captions written.")
    assert studio.texts(".take h3") == [VOICE["id"]]
    admin.delete(f"voices/{VOICE['id']}").raise_for_status()
    studio.page.get_by_label("caption-demo", exact=True).check()
    box.uncheck()
    studio.page.locator("#steering").focus()
    wait_until(studio, box, 0)
    assert studio.page.get_by_label("caption-demo", exact=True).is_checked()


def test_a_chosen_voice_stays_though_it_is_gone(studio: Studio, admin: httpx.Client) -> None:
    admin.post("voices", json=VOICE).raise_for_status()
    box = studio.page.get_by_label(VOICE["id"], exact=True)
    wait_until(studio, box, 1)
    box.check()
    admin.delete(f"voices/{VOICE['id']}").raise_for_status()
    asked = listings(studio)
    studio.page.locator("#steering").focus()
    while len(asked) < 3:
        studio.turn_to_voices()
        studio.page.wait_for_timeout(500)
    assert box.is_checked()


def test_the_voices_are_asked_for_once_in_a_while(studio: Studio) -> None:
    asked = listings(studio)
    studio.page.wait_for_timeout(3500)
    box = studio.page.get_by_label("caption-demo", exact=True)
    for _ in range(10):
        box.focus()
        studio.page.locator("#steering").focus()
        studio.turn_to_voices()
    studio.page.wait_for_timeout(500)
    assert 1 <= len(asked) <= 3


def test_controls_reach_the_service_and_hold(studio: Studio) -> None:
    studio.open_controls()
    studio.page.select_option("[name=platform]", label="Bluesky")
    studio.page.select_option("[name=length]", "short")
    studio.page.select_option("[name=hashtags]", label="none")
    studio.page.select_option("[name=emoji]", label="none")
    studio.page.fill("[name=avoid]", "sunset, golden hour,")
    assert studio.texts("#controls-set") == ["(5 set)"]
    studio.page.select_option("#variants", "4")
    with studio.page.expect_request("**/v1/chat/completions") as sent:
        studio.add(EXAMPLE)
    assert sent.value.post_data_json["caption_studio"] == {
        "platform": "bluesky",
        "length": "short",
        "hashtags": 0,
        "emoji": False,
        "avoid": ["sunset", "golden hour"],
    }
    studio.expect_status("4 of 4 captions written.")
    assert not any("#" in caption for caption in studio.captions())
    assert "So" not in {category(c) for caption in studio.captions() for c in caption}
    assert studio.page.locator(".notes:visible").count() == 0
    with studio.page.expect_request("**/v1/chat/completions") as sent:
        studio.click("Regenerate: Caption 2")
    assert sent.value.post_data_json["caption_studio"]["hashtags"] == 0
    studio.expect_hidden("#stop")
    assert "#" not in studio.captions()[1]


def test_a_request_without_controls_has_none(studio: Studio) -> None:
    with studio.page.expect_request("**/v1/chat/completions") as sent:
        studio.add(EXAMPLE)
    assert "caption_studio" not in sent.value.post_data_json
    studio.expect_status("1 of 1 captions written.")
    assert studio.page.locator(".notes:visible").count() == 0


@pytest.mark.parametrize("control", ["platform", "avoid"])
def test_a_control_that_is_refused_is_told(studio: Studio, control: str) -> None:
    studio.open_controls()
    if control == "avoid":
        studio.page.fill("[name=avoid]", "???")
    else:
        studio.page.locator("[name=platform]").evaluate("s => s.add(new Option('Orkut', 'orkut'))")
        studio.page.select_option("[name=platform]", "orkut")
    studio.add(EXAMPLE)
    studio.expect_status("1 failed.")
    (reason,) = studio.texts(".take-state.failed")
    assert f"caption_studio.{control}" in reason
    assert studio.page.get_by_role("button", name="Try again").count() == 1


def test_a_control_that_does_not_hold_is_noted_until_the_caption_is_edited(studio: Studio) -> None:
    studio.open_controls()
    studio.page.select_option("[name=hashtags]", "30")
    studio.page.select_option("[name=emoji]", "no")
    studio.add(EXAMPLE)
    studio.expect_status("1 of 1 captions written.")
    assert studio.texts(".notes:visible") == ["not kept: hashtags"]
    area = studio.page.locator(".caption textarea")
    described = area.get_attribute("aria-describedby")
    assert studio.texts(f"#{described}") == ["not kept: hashtags"]
    (row,) = csv.DictReader(studio.exported("csv").read_text("utf-8-sig").splitlines())
    assert (row["not_kept"], row["faithful"], row["flagged"]) == ("hashtags", "", "")
    studio.page.reload()
    studio.page.wait_for_selector(".card")
    assert studio.texts(".notes:visible") == ["not kept: hashtags"]
    area.fill("Mine now")
    studio.expect_hidden(".notes")
    assert area.get_attribute("aria-describedby") is None


def test_what_was_checked_is_noted_at_its_caption(studio: Studio) -> None:
    """The answer is made up: the demo's captions are true and polite."""
    captions: list[dict[str, Any]] = [
        {"index": 0, "caption": "One", "hashtags": [], "faithful": True},
        {"index": 1, "caption": "Two", "hashtags": [], "faithful": False, "flagged": ["word"]},
    ]
    about = {"description": SEEN_HERE, "faithful": True, "captions": captions}
    choices = [{"index": one["index"], "delta": {"content": one["caption"]}} for one in captions]
    studio.page.select_option("#variants", "2")
    answer(studio, {"choices": choices, "caption_studio": about})
    studio.add(EXAMPLE)
    studio.expect_status("2 of 2 captions written.")
    assert studio.captions() == ["One", "Two"]
    assert studio.texts(".notes:visible") == ["contradicts the description; flagged: word"]
    (details,) = json.loads(studio.exported("json").read_text())
    assert [one.get("faithful") for one in details["captions"]] == [True, False]
    assert details["captions"][1]["flagged"] == ["word"]


def test_a_caption_that_a_guard_took_away_says_so(studio: Studio) -> None:
    about = {"description": SEEN_HERE, "flagged": ["word"]}
    answer(studio, {"choices": [{"index": 0, "delta": {"content": ""}}], "caption_studio": about})
    studio.add(EXAMPLE)
    studio.expect_status("1 failed.")
    reasons = studio.texts(".take-state.failed")
    assert reasons == ["The service wrote nothing; flagged: word."]


def test_controls_are_set_by_keyboard(studio: Studio) -> None:
    keyboard = studio.page.keyboard
    studio.page.locator("#steering").focus()
    for keys in ("Tab", "Enter", "Tab", "P", "Tab", "s", "Tab", "n", "Tab", "n", "Tab"):
        keyboard.press(keys)
    keyboard.type("sea")
    assert studio.texts("#controls-set") == ["(5 set)"]
    with studio.page.expect_request("**/v1/chat/completions") as sent:
        studio.add(EXAMPLE)
    assert sent.value.post_data_json["caption_studio"] == {
        "platform": "pinterest",
        "length": "short",
        "hashtags": 0,
        "emoji": False,
        "avoid": ["sea"],
    }
    studio.expect_status("1 of 1 captions written.")


SEEN_HERE = "balloons over a sea"


def answer(studio: Studio, chunk: dict[str, Any]) -> None:
    """Have the service answer with this one chunk."""
    body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
    headers = {"Content-Type": "text/event-stream"}
    studio.page.route(
        "**/v1/chat/completions", lambda route: route.fulfill(headers=headers, body=body)
    )


def listings(studio: Studio) -> list[str]:
    """Return a list that grows with each request for the voices."""
    asked: list[str] = []

    def listen(request: Any) -> None:
        if request.url.endswith("/v1/models"):
            asked.append(request.url)

    studio.page.on("request", listen)
    return asked


def wait_until(studio: Studio, box: Any, count: int) -> None:
    """Turn to the voices until this one is there, or is not."""
    deadline = time.monotonic() + APPEARS_WITHIN_S
    while box.count() != count:
        assert time.monotonic() < deadline
        studio.turn_to_voices()
        studio.page.wait_for_timeout(500)
