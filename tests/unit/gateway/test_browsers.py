"""Web pages of other sites, and what they can make a browser send."""

from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from caption_studio.settings import Settings
from tests.unit.gateway.test_authentication import RIGHT, bearer
from tests.unit.gateway.test_gateway import CHAT, CHAT_PATH, gateway

pytestmark = pytest.mark.anyio

HERE = "127.0.0.1:8000"
PAGES = "https://pages.example"
FORM = {
    "content-type": "multipart/form-data; boundary=x",
    "host": HERE,
}


def refusal(answer: httpx.Response) -> str | None:
    """Return the code of a refusal of ours, None if it was served."""
    if answer.status_code != 403:
        return None
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    code: str = error["code"]
    return code


async def asked(headers: dict[str, str], **settings: Any) -> set[str | None]:
    """Return what each kind of guarded route says."""
    async with gateway(**settings) as client:
        answers = [
            await client.post(CHAT_PATH, json=CHAT, headers=headers),
            await client.post("/v1/completions", content=b"--x--", headers={**FORM, **headers}),
            await client.get("/v1/models", headers=headers),
            await client.get("/metrics", headers=headers),
            await client.options(CHAT_PATH, headers=headers),
        ]
        for path in ("/healthz", "/readyz", "/openapi.json"):
            assert (await client.get(path, headers=headers)).status_code == 200
    return {refusal(answer) for answer in answers}


@pytest.mark.parametrize(
    "host",
    [
        HERE,
        "127.0.0.1",
        "127.8.8.8:1",
        "localhost",
        "LOCALHOST:8000",
        "[::1]",
        "[::1]:8000",
    ],
)
async def test_names_of_this_machine_are_served(host: str) -> None:
    assert await asked({"host": host}) == {None}


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "attacker.example:8000",
        "127.0.0.1.attacker.example",
        "localhost.attacker.example",
        "127.0.0.1@attacker.example",
        "attacker.example@127.0.0.1",
        "127.0.0.1/attacker.example",
        "127.0.0.1:80:80",
        "192.168.0.1:8000",
        "0.0.0.0:8000",
        "2130706433",
        "[::]",
        "[::1",
        "",
        " ",
        "127.0.0.1, attacker.example",
    ],
)
async def test_a_name_that_was_rebound_is_refused(host: str) -> None:
    assert await asked({"host": host}) == {"forbidden_host"}


async def test_every_host_header_counts() -> None:
    async with gateway() as client:
        answer = await client.get(
            "/v1/models", headers=[("host", HERE), ("host", "attacker.example")]
        )
    assert refusal(answer) == "forbidden_host"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": f"http://{HERE}"},
        {"origin": f"https://{HERE}"},
        {"origin": f"http://{HERE}", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"host": "localhost", "origin": "http://localhost"},
        {"host": "localhost:80", "origin": "http://localhost"},
        {"host": "localhost", "origin": "https://localhost:443"},
    ],
)
async def test_our_own_pages_and_what_is_no_browser_are_served(headers: dict[str, str]) -> None:
    assert await asked({"host": HERE, **headers}) == {None}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://attacker.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://localhost:8000"},
        {"origin": f"http://{HERE}.attacker.example"},
        {"origin": f"http://{HERE}@attacker.example"},
        {"origin": f"file://{HERE}"},
        {"origin": HERE},
        {"origin": f"http://{HERE} https://attacker.example"},
        {"origin": "https://attacker.example", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "whatever"},
    ],
)
async def test_pages_of_other_sites_are_refused(headers: dict[str, str]) -> None:
    assert await asked({"host": HERE, **headers}) == {"forbidden_origin"}


async def test_a_form_of_another_site_is_refused_before_it_is_read() -> None:
    async def body() -> Any:
        raise AssertionError("the body was read")
        yield b""

    headers = {**FORM, "origin": "https://attacker.example", "sec-fetch-site": "cross-site"}
    async with gateway() as client:
        answer = await client.post("/v1/completions", content=body(), headers=headers)
    assert refusal(answer) == "forbidden_origin"


async def test_the_pages_of_the_settings_are_served() -> None:
    headers = {"host": HERE, "origin": PAGES, "sec-fetch-site": "cross-site"}
    assert await asked(headers, cors_origins=[PAGES]) == {None}
    for origin in (f"{PAGES}:8443", "http://pages.example", f"{PAGES}.attacker.example"):
        assert await asked({**headers, "origin": origin}, cors_origins=[PAGES]) == {
            "forbidden_origin"
        }


async def test_a_proxy_may_pass_on_the_name_of_its_pages() -> None:
    headers = {"host": "pages.example", "origin": PAGES}
    assert await asked(headers) == {"forbidden_host"}
    assert await asked(headers, cors_origins=[PAGES]) == {None}


async def test_with_keys_no_page_is_asked_where_it_comes_from() -> None:
    headers = {"host": "studio.example", "origin": "https://attacker.example", **bearer(RIGHT)}
    assert await asked(headers, api_keys=[RIGHT]) == {None}


def elsewhere(**settings: Any) -> AbstractAsyncContextManager[httpx.AsyncClient]:
    """A service that other machines reach, by names that it cannot know."""
    return gateway(only_loopback_hosts=False, allow_anonymous=True, **settings)


async def test_where_other_machines_reach_it_only_the_page_s_origin_counts() -> None:
    host = {"host": "studio.example:8000"}
    async with elsewhere() as client:
        for headers, expected in (
            ({}, None),
            ({"origin": "http://studio.example:8000"}, None),
            ({"origin": "http://studio.example"}, "forbidden_origin"),
            ({"origin": "https://attacker.example"}, "forbidden_origin"),
            ({"sec-fetch-site": "cross-site"}, "forbidden_origin"),
        ):
            answer = await client.get("/v1/models", headers={**host, **headers})
            assert refusal(answer) == expected, headers


async def test_refusals_are_counted() -> None:
    async with gateway() as client:
        await client.get("/v1/models", headers={"host": "attacker.example"})
        await client.get("/v1/models", headers={"origin": "https://attacker.example"})
        text = (await client.get("/metrics")).text
    for code in ("forbidden_host", "forbidden_origin"):
        assert f'caption_studio_requests_rejected_total{{reason="{code}"}} 1.0' in text


@pytest.mark.parametrize(
    "origin",
    ["https://Pages.example", f"{PAGES}/", "pages.example", "null", "", "https://*.example", "*"],
)
def test_what_is_no_origin_ends_the_start(origin: str) -> None:
    with pytest.raises(ValidationError, match=r"an origin is|without API keys"):
        Settings.load({"gateway": {"cors_origins": [origin]}})


def test_all_origins_are_allowed_with_keys_only() -> None:
    Settings.load({"gateway": {"cors_origins": ["*"], "api_keys": [RIGHT]}})
