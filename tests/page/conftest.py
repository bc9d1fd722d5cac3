"""One running service with two gateways, and one browser, for all tests of the page."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ARGS, Service, running
from tests.page.studio import CHROMIUM, Studio

GATEWAYS = 2


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("page"), ARGS, gateways=GATEWAYS) as service:
        yield service


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium's sandbox does not start for root, which containers' tests often run as.
        arguments = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def studio(service: Service, browser: Any, tmp_path: Path) -> Iterator[Studio]:
    """The page, freshly opened by somebody who was never here."""
    context = browser.new_context(accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=service.url)
    studio = Studio(context.new_page(), service.url, tmp_path)
    studio.open()
    yield studio
    context.close()
    assert studio.complaints == []
