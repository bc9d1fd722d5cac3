"""One running service with two gateways, and one browser, for all tests of the page."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ARGS, Service, running
from tests.page.studio import Studio

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
GATEWAYS = 2

playwright = pytest.importorskip("playwright.sync_api", reason="make test-page installs it")


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("page"), ARGS, gateways=GATEWAYS) as service:
        yield service


@pytest.fixture(scope="package")
def browser() -> Iterator["playwright.Browser"]:
    if CHROMIUM is None:
        pytest.skip("it takes Chromium")
    with playwright.sync_playwright() as started:
        # Chromium's sandbox does not start for root, which containers' tests often run as.
        arguments = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def studio(service: Service, browser: "playwright.Browser", tmp_path: Path) -> Iterator[Studio]:
    """The page, freshly opened by somebody who was never here."""
    context = browser.new_context(accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=service.url)
    studio = Studio(context.new_page(), service.url, tmp_path)
    studio.open()
    yield studio
    context.close()
    assert studio.complaints == []
