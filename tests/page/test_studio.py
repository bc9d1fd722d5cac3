"""What users do on the page, against the running service."""

import base64
import csv
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image, ImageChops, ImageStat

from tests.conftest import ROOT, Service
from tests.page.studio import LACKING, Studio
from tests.pictures import held_out

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(bool(LACKING), reason=f"it takes {' and '.join(LACKING)}"),
]

EXAMPLE = ROOT / "docs" / "example.jpg"
SEEN = "three yellow balloons over a calm sea under a rainbow"
SMALL = {"width": 390, "height": 844}


def test_a_picture_is_captioned_without_a_click_more(studio: Studio) -> None:
    studio.add(EXAMPLE)
    studio.expect_status("1 of 1 captions written.")
    (seen,) = studio.texts(".seen")
    assert re.fullmatch(rf"Seen: {SEEN} \(\d+ % sure\)\.", seen)
    studio.expect_hidden(".strange")
    (caption,) = studio.captions()
    assert "balloons" in caption
    assert studio.page.locator(".card img").get_attribute("alt") == f"{SEEN.capitalize()}."
    assert studio.texts("#only-favourites") == [""]  # it is there


def test_captions_come_as_they_are_written(studio: Studio) -> None:
    """With many at a time each takes long enough to be seen half written."""
    studio.page.get_by_label("caption-demo-plain").check()
    studio.page.select_option("#variants", "4")
    studio.add(*[EXAMPLE] * 6)
    seen: set[str] = set()
    while not studio.page.locator("#status").inner_text().startswith("48 of 48"):
        seen.update(studio.captions())
    whole = set(studio.captions())
    begun = {text for text in seen - whole if text}
    assert any(one.startswith(text) for text in begun for one in whole)


def test_two_voices_with_two_captions_each_stand_side_by_side(studio: Studio) -> None:
    studio.page.get_by_label("caption-demo-plain").check()
    studio.page.select_option("#variants", "2")
    studio.add(EXAMPLE)
    studio.expect_status("4 of 4 captions written.")
    assert studio.texts(".take h3") == ["caption-demo", "caption-demo-plain"]
    assert all(studio.captions())
    left, right = (take.bounding_box() for take in studio.page.locator(".take").all())
    assert left["y"] == right["y"]
    assert left["x"] < right["x"]


def test_one_caption_for_all(studio: Studio) -> None:
    studio.page.get_by_label("one for all that I add together").check()
    studio.add(EXAMPLE, EXAMPLE)
    studio.expect_status("1 of 1 captions written.")
    assert studio.page.locator(".card").count() == 1
    assert studio.page.locator(".card img").count() == 2
    (seen,) = studio.texts(".seen")
    assert seen.startswith(f"Seen: {SEEN}; {SEEN} (")


def test_a_picture_of_another_world_is_called_unlike_the_trainings(
    studio: Studio, tmp_path: Path
) -> None:
    noise = Image.frombytes("RGB", (256, 256), random.Random(1).randbytes(3 * 256 * 256))
    noise.save(tmp_path / "noise.png")
    studio.add(tmp_path / "noise.png")
    studio.expect_status("1 of 1 captions written.")
    (warning,) = studio.texts(".strange")
    assert "unlike anything" in warning
    (seen,) = studio.texts(".seen")
    assert "sure" not in seen


def test_the_wish_reaches_the_model(studio: Studio) -> None:
    studio.page.fill("#steering", "No hashtags.")
    with studio.page.expect_request("**/v1/chat/completions") as sent:
        studio.add(EXAMPLE)
    content = sent.value.post_data_json["messages"][0]["content"]
    assert content[0] == {"type": "text", "text": "No hashtags."}
    studio.expect_status("1 of 1 captions written.")
    assert "#" not in studio.captions()[0]


def test_captions_are_edited_copied_regenerated_and_kept(studio: Studio) -> None:
    studio.page.select_option("#variants", "2")
    studio.add(EXAMPLE)
    studio.expect_status("2 of 2 captions written.")
    first, _ = studio.captions()
    studio.page.locator(".caption textarea").first.fill("Mine now")
    studio.click("Copy: Caption 1")
    assert studio.page.evaluate_handle("navigator.clipboard.readText()").json_value() == "Mine now"
    studio.click("Copy alt text")
    copied = studio.page.evaluate_handle("navigator.clipboard.readText()").json_value()
    assert copied == f"{SEEN.capitalize()}."
    studio.click("Favourite: Caption 1")
    seeds = set()
    for _ in range(2):  # the same words may come again by chance
        with studio.page.expect_response("**/v1/chat/completions") as answered:
            studio.click("Regenerate: Caption 2")
        asked = answered.value.request.post_data_json
        assert (asked.get("n", 1), asked["temperature"]) == (1, 1)
        seeds.add(asked["seed"])
        studio.expect_hidden("#stop")
    assert len(seeds) == 2
    assert studio.captions()[0] == "Mine now"
    assert "balloons" in studio.captions()[1]
    studio.page.get_by_label("Favourites only").check()
    assert studio.page.locator(".caption:visible").count() == 1
    studio.page.reload()
    studio.page.wait_for_selector(".card")
    assert studio.captions()[0] == "Mine now"
    assert studio.page.locator("[aria-pressed=true]").count() == 1
    assert first != "Mine now"


def test_an_album_is_stopped_and_goes_on_after_a_reload(studio: Studio, tmp_path: Path) -> None:
    pictures = painted(tmp_path, 40)
    studio.page.get_by_label("caption-demo-plain").check()
    studio.add(*pictures)
    studio.expect_status("of 80 captions")
    in_flight = studio.page.locator(".take-state", has_text="Writing …").count()
    assert 0 < in_flight <= 4
    studio.click("Stop")
    studio.expect_hidden("#stop")
    written = len([text for text in studio.captions() if text])
    assert written < 80
    studio.page.reload()
    studio.page.wait_for_selector(".card")
    studio.click("Go on")
    studio.expect_status("80 of 80 captions written.")
    assert all(studio.captions())
    assert studio.page.locator(".card").count() == 40


def test_twenty_photos_are_captioned_edited_and_exported(studio: Studio, tmp_path: Path) -> None:
    studio.add(*painted(tmp_path, 20))
    studio.expect_status("20 of 20 captions written.")
    for place in range(5):
        studio.clicks += 1  # into the text
        studio.page.locator(".caption textarea").nth(place).fill(f"Edited {place}, “so”")
    table = studio.exported("csv")
    folder = studio.exported("zip")
    assert studio.clicks <= 25
    rows = list(csv.DictReader(table.read_text("utf-8-sig").splitlines()))
    assert len(rows) == 20
    assert {row["voice"] for row in rows} == {"caption-demo"}
    assert sum(row["caption"].startswith("Edited") for row in rows) == 5
    with zipfile.ZipFile(folder) as files:
        assert files.testzip() is None
        names = files.namelist()
        assert len(names) == 40
        sidecar = json.loads(files.read("painted-07.json"))
        assert files.read("painted-07.txt").decode().strip() == sidecar["captions"][0]["caption"]
    details = json.loads(studio.exported("json").read_text())
    assert {item["pictures"][0] for item in details} == {f"painted-{n:02}.png" for n in range(20)}


def test_the_shown_request_gives_the_same_answer(studio: Studio, tmp_path: Path) -> None:
    studio.page.fill("#steering", "It's for us.")
    studio.open_controls()
    studio.page.select_option("[name=hashtags]", "0")
    studio.page.select_option("[name=emoji]", "no")
    studio.page.fill("[name=avoid]", "it's, sunset")
    studio.add(EXAMPLE)
    studio.expect_status("1 of 1 captions written.")
    studio.click("Show the request")
    command = studio.page.locator("#request-curl").inner_text()
    program = studio.page.locator("#request-python").inner_text()
    run = {"capture_output": True, "text": True, "check": True, "cwd": EXAMPLE.parent}
    answer = json.loads(subprocess.run(["bash", "-c", command], **run).stdout)  # type: ignore[call-overload]
    assert answer["caption_studio"]["description"] == SEEN
    assert answer["caption_studio"]["controls"] == {"hashtags": True, "emoji": True, "avoid": True}
    text = answer["choices"][0]["text"]
    said = subprocess.run([sys.executable, "-c", program], **run).stdout  # type: ignore[call-overload]
    for caption in (text, said):
        assert "balloons" in caption
        assert "#" not in caption
    assert shlex.split(command)[0] == "curl"


def test_what_is_no_picture_is_told(studio: Studio) -> None:
    studio.add({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"milk"})
    studio.expect_status("One file is no picture.")
    broken = {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff nothing"}
    studio.add(broken, as_file(EXAMPLE))
    studio.expect_status("1 of 2 captions written, 1 failed.")
    (reason,) = studio.texts(".take-state.failed")
    assert "image" in reason.lower()
    assert studio.page.get_by_role("button", name="Try again").count() == 1


def test_a_pasted_picture_and_a_dropped_one_are_taken(studio: Studio) -> None:
    """The browser's own events, made by script: it lets none be made by the keyboard."""
    for kind in ("paste", "drop"):
        studio.page.evaluate_handle(
            """([kind, base64]) => {
                const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
                const transfer = new DataTransfer();
                transfer.items.add(new File([bytes], `${kind}.jpg`, { type: 'image/jpeg' }));
                const event = kind === 'paste'
                    ? new ClipboardEvent('paste', { clipboardData: transfer })
                    : new DragEvent('drop', { dataTransfer: transfer, cancelable: true });
                window.dispatchEvent(event);
            }""",
            [kind, base64.b64encode(EXAMPLE.read_bytes()).decode()],
        )
    studio.expect_status("2 of 2 captions written.")
    assert sorted(studio.texts(".card h2")) == ["drop.jpg", "paste.jpg"]


def test_large_pictures_are_made_smaller_and_stay_upright(studio: Studio, tmp_path: Path) -> None:
    with Image.open(EXAMPLE) as example:
        upright = example.convert("RGB").resize((1024, 1024))
        turned = example.convert("RGB").resize((3000, 3000)).rotate(90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    path = tmp_path / "large.jpg"
    turned.save(path, exif=exif, quality=95)
    with studio.page.expect_request("**/v1/chat/completions") as sent:
        studio.add(path)
    content = sent.value.post_data_json["messages"][0]["content"]
    data = base64.b64decode(content[0]["image_url"]["url"].partition(",")[2])
    (tmp_path / "sent.jpg").write_bytes(data)
    with Image.open(tmp_path / "sent.jpg") as picture:
        assert picture.size == upright.size
        assert not picture.getexif()
        difference = ImageStat.Stat(ImageChops.difference(picture, upright))
        assert max(difference.mean) < 8
    studio.expect_status("1 of 1 captions written.")
    (seen,) = studio.texts(".seen")
    assert re.fullmatch(rf"Seen: {SEEN} \(\d+ % sure\)\.", seen)
    studio.expect_hidden(".strange")


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (429, "overloaded", "The service is full."),
        (503, "not_ready", "The service is waking up"),
        (500, "engine_failure", "The service had a problem."),
        (0, None, "The service cannot be reached."),
    ],
)
def test_a_service_that_cannot_answer_yet_is_asked_again(
    studio: Studio, status: int, code: str | None, said: str
) -> None:
    """The first answer is made up here; the second is the service's."""
    refused: list[str] = []

    def refuse_once(route: Any) -> None:
        if refused:
            route.continue_()
        elif refused.append(route.request.url) or status == 0:
            route.abort()
        else:
            error = {"message": "no", "type": "server_error", "param": None, "code": code}
            headers = {"Retry-After": "2", "Content-Type": "application/json"}
            route.fulfill(status=status, headers=headers, body=json.dumps({"error": error}))

    studio.page.route("**/v1/chat/completions", refuse_once)
    studio.add(EXAMPLE)
    studio.expect_status(said)
    studio.expect_status("1 of 1 captions written.")


def test_a_key_is_asked_for_and_kept_for_the_tab(studio: Studio) -> None:
    def guard(route: Any) -> None:
        if route.request.headers.get("authorization") == "Bearer the-right-key":
            route.continue_()
            return
        error = {"message": "Incorrect or missing API key.", "code": "invalid_api_key"}
        body = json.dumps({"error": {**error, "type": "invalid_request_error", "param": None}})
        route.fulfill(status=401, headers={"Content-Type": "application/json"}, body=body)

    studio.page.route("**/v1/chat/completions", guard)
    studio.add(EXAMPLE)
    studio.click("Cancel")
    studio.click("Go on")
    studio.page.get_by_label("Key", exact=True).fill("the-right-key")
    studio.page.keyboard.press("Enter")
    studio.expect_status("1 of 1 captions written.")
    studio.page.reload()
    studio.page.wait_for_selector("#voices input")
    studio.add(EXAMPLE)
    studio.expect_status("2 of 2 captions written.")
    kept = studio.page.evaluate_handle("({...localStorage})").json_value()
    assert kept == {}


def test_everything_is_reached_by_keyboard(studio: Studio) -> None:
    studio.add(EXAMPLE)
    studio.expect_status("1 of 1 captions written.")
    reached = set()
    for _ in range(40):
        studio.page.keyboard.press("Tab")
        focused = studio.page.evaluate_handle(
            "document.activeElement.getAttribute('aria-label') || document.activeElement.id"
            " || document.activeElement.textContent.trim()"
        )
        reached.add(str(focused.json_value()).partition(":")[0])
    wanted = {"API reference", "open-key", "pick", "variants", "steering", "export", "format"}
    wanted |= {"Copy", "Regenerate", "Favourite", "Copy alt text", "Show the request", "Remove"}
    assert wanted <= reached
    studio.page.get_by_role("button", name="Show the request").focus()
    studio.page.keyboard.press("Enter")
    assert studio.page.locator("#request-dialog").is_visible()
    studio.page.keyboard.press("Escape")
    assert studio.page.locator("#request-dialog").is_hidden()


def test_a_phone_shows_all_without_scrolling_sideways(voice: str, studio: Studio) -> None:
    studio.page.set_viewport_size(SMALL)
    studio.open_controls()
    studio.page.select_option("[name=hashtags]", "30")
    studio.page.get_by_label("caption-demo-plain").check()
    studio.add(EXAMPLE)
    studio.expect_status("2 of 2 captions written.")
    width = studio.page.evaluate_handle("document.documentElement.scrollWidth").json_value()
    assert width <= SMALL["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(voice: str, studio: Studio, scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    def serious() -> list[str]:
        found = Axe().run(studio.page).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found]

    studio.page.emulate_media(color_scheme=scheme)
    assert serious() == []
    studio.open_controls()
    studio.page.select_option("[name=hashtags]", "30")
    assert serious() == []
    broken = {"name": "b.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    studio.add(broken, as_file(EXAMPLE))
    studio.expect_status("1 of 2 captions written, 1 failed.")
    assert studio.page.locator(".notes:visible").count() == 1
    assert serious() == []
    studio.click("Show the request")
    assert serious() == []


def test_an_edit_is_kept_while_another_caption_is_written_anew(studio: Studio) -> None:
    studio.page.select_option("#variants", "2")
    studio.add(EXAMPLE)
    studio.expect_status("2 of 2 captions written.")
    before = studio.captions()
    studio.page.route("**/v1/chat/completions", lambda route: None)  # it never answers
    studio.click("Regenerate: Caption 1")
    studio.page.locator(".caption textarea").nth(1).fill("Mine now")
    time.sleep(1)  # typing is saved when it pauses
    studio.page.reload()
    studio.page.wait_for_selector(".card")
    assert studio.captions() == [before[0], "Mine now"]
    studio.click("Regenerate: Caption 1")
    studio.click("Stop")
    assert studio.captions() == [before[0], "Mine now"]
    studio.expect_status("2 of 2 captions written.")


def test_two_tabs_show_the_same_album(studio: Studio, tmp_path: Path) -> None:
    other = Studio(studio.page.context.new_page(), studio.url, tmp_path)
    other.open()
    studio.add(EXAMPLE)
    studio.expect_status("1 of 1 captions written.")
    other.expect_status("1 of 1 captions written.")
    studio.page.locator(".caption textarea").fill("Mine now")
    other.expect_caption("Mine now")
    other.click("Favourite: Caption 1")
    studio.page.wait_for_selector("[aria-pressed=true]")
    assert studio.captions() == other.captions() == ["Mine now"]
    other.click("Remove: ")
    studio.expect_hidden(".card")
    other.page.close()


def test_removing_all_ends_what_was_under_way(studio: Studio, tmp_path: Path) -> None:
    studio.add(*painted(tmp_path, 20))
    studio.page.wait_for_selector(".card")
    studio.click("Remove all")
    studio.expect_hidden("#stop")
    assert studio.page.locator(".card").count() == 0
    studio.page.reload()
    studio.page.wait_for_selector("#voices input")
    assert studio.page.locator(".card").count() == 0


def test_the_reference_is_read_and_tried(studio: Studio) -> None:
    studio.page.goto(f"{studio.url}/docs")
    studio.page.locator(".opblock-post").first.click()
    studio.page.locator(".execute").first.click()
    answer = studio.page.locator(".live-responses-table .highlight-code").first.inner_text()
    assert SEEN in answer


def test_a_gateway_killed_in_the_middle_costs_no_caption(
    studio: Studio, service: Service, tmp_path: Path
) -> None:
    studio.add(*painted(tmp_path, 30))
    studio.expect_status("of 30 captions written.")
    family = psutil.Process(service.pid).children(recursive=True)
    gateways = [one for one in family if "Gateway" in " ".join(one.cmdline())]
    assert len(gateways) == 2
    os.kill(gateways[0].pid, signal.SIGKILL)
    studio.expect_status("30 of 30 captions written.")
    assert all(studio.captions())


def as_file(path: Path) -> dict[str, Any]:
    """Return a picture in the form in which the browser takes one without a file."""
    return {"name": path.name, "mimeType": "image/jpeg", "buffer": path.read_bytes()}


def painted(folder: Path, count: int) -> list[Path]:
    """Paint scenes of the demo; return the files."""
    paths = [folder / f"painted-{number:02}.png" for number in range(count)]
    for path, picture in zip(paths, held_out(count), strict=True):
        path.write_bytes(picture.encoded())
    return paths
