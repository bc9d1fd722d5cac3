"""One running service with two gateways, and one browser, for all tests of the page."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ADMIN_KEY, ARGS, Service, running
from tests.page.studio import CHROMIUM, VOICE, Studio

GATEWAYS = 2
KNOWN_WITHIN_S = 60


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


@pytest.fixture
def admin(service: Service) -> Iterator[httpx.Client]:
    """A client of the administrators' routes; the voice that a test adds is removed."""
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    with httpx.Client(base_url=f"{service.url}/v1/admin/", headers=headers) as client:
        yield client
        client.delete(f"voices/{VOICE['id']}")
        _all_gateways_agree(service, is_listed=False)


@pytest.fixture
def voice(admin: httpx.Client, service: Service) -> str:
    """The id of a voice with a description, which all gateways know."""
    admin.post("voices", json=VOICE).raise_for_status()
    _all_gateways_agree(service, is_listed=True)
    return VOICE["id"]


def _all_gateways_agree(service: Service, *, is_listed: bool) -> None:
    """Wait until each gateway lists the voice, or none does."""
    times, deadline = 0, time.monotonic() + KNOWN_WITHIN_S
    while times < 5 * GATEWAYS:
        models = httpx.get(f"{service.url}/v1/models").json()["data"]
        agrees = is_listed == (VOICE["id"] in {model["id"] for model in models})
        times = times + 1 if agrees else 0
        assert time.monotonic() < deadline
        time.sleep(0.1)
