"""The page as its user sees it: what can be clicked, typed and read."""

import re
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
LACKING = [
    *([] if find_spec("playwright") and find_spec("axe_playwright_python") else ["Playwright"]),
    *([] if CHROMIUM else ["Chromium or Chrome"]),
]
"""What this machine lacks for the tests; `make test-page` installs Playwright."""

PATIENCE_MS = 60_000
"""For captions on a busy machine."""

VOICE = {
    "id": "caption-food",
    "adapter": "caption-demo",
    "description": "Warm and hungry, for food and for places to eat.",
}
"""A voice that an administrator adds."""


class Studio:
    """One open page. `clicks` counts what the user did with the mouse or the keyboard."""

    def __init__(self, page: Any, url: str, folder: Path) -> None:
        from playwright.sync_api import expect

        self.page = page
        self.url = url
        self.folder = folder
        self.clicks = 0
        self.complaints: list[str] = []
        self.forgiven = re.compile("Failed to load resource")  # an error status, which tests make
        self._expect = expect
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: dialog.accept())

    def _listen(self, message: Any) -> None:
        if message.type in ("error", "warning") and not self.forgiven.search(message.text):
            self.complaints.append(message.text)

    def open(self) -> None:
        """Open the page and wait until it knows the voices."""
        self.page.goto(f"{self.url}/")
        self.page.wait_for_selector("#voices input")

    def add(self, *pictures: Path | dict[str, Any]) -> None:
        """Choose pictures: one click, and one to confirm."""
        self.clicks += 2
        self.page.set_input_files("#pick", list(pictures))

    def click(self, name: str, place: int = 0) -> None:
        """Click the `place`th button whose label begins with `name`."""
        self.clicks += 1
        self.page.get_by_role("button", name=re.compile(f"^{name}")).nth(place).click()

    def open_controls(self) -> None:
        """Unfold the platform, the length and the rest."""
        self.clicks += 1
        self.page.locator("summary").click()

    def turn_to_voices(self) -> None:
        """Move the mouse away and to the voices."""
        self.page.locator("h1").hover()
        self.page.locator("#voices").hover()

    def expect_status(self, text: str) -> None:
        """Wait until the status line says so."""
        self._expect(self.page.locator("#status")).to_contain_text(text, timeout=PATIENCE_MS)

    def expect_caption(self, text: str) -> None:
        """Wait until the first caption says so."""
        area = self.page.locator(".caption textarea").first
        self._expect(area).to_have_value(text, timeout=PATIENCE_MS)

    def expect_hidden(self, selector: str) -> None:
        """Wait until it is gone."""
        self._expect(self.page.locator(selector)).to_be_hidden(timeout=PATIENCE_MS)

    def captions(self) -> list[str]:
        """Return all captions, from the top."""
        return [area.input_value() for area in self.page.locator(".caption textarea").all()]

    def texts(self, selector: str) -> Sequence[str]:
        """Return the text of all elements."""
        found: Sequence[str] = self.page.locator(selector).all_inner_texts()
        return found

    def exported(self, format_: str) -> Path:
        """Choose a format, download, return the file."""
        self.clicks += 2
        self.page.select_option("#format", format_)
        with self.page.expect_download() as download:
            self.click("Download")
        path = self.folder / download.value.suggested_filename
        download.value.save_as(path)
        return path
