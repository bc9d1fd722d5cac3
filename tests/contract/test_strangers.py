"""Web pages in a browser on this machine, and what they can have it send."""

import httpx
import pytest

from tests.contract.hostile import CHAT, COMPLETIONS, chat, data_url
from tests.unit.images.test_fetch import PNG

pytestmark = pytest.mark.service

EVIL = "https://attacker.example"


def refusal(answer: httpx.Response) -> str:
    assert answer.status_code == 403
    error = answer.json()["error"]
    assert (error.keys(), error["type"]) == (
        {"message", "type", "param", "code"},
        "invalid_request_error",
    )
    assert not any(name.startswith("access-control") for name in answer.headers)
    return str(error["code"])


@pytest.mark.parametrize(
    "headers", [{"origin": EVIL}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_a_form_of_another_site_is_refused(http: httpx.Client, headers: dict[str, str]) -> None:
    files = {"image": ("a.png", PNG, "image/png")}
    assert http.post(COMPLETIONS, files=files).status_code == 200
    assert refusal(http.post(COMPLETIONS, files=files, headers=headers)) == "forbidden_origin"


@pytest.mark.parametrize("path", ["/v1/models", "/metrics"])
def test_nothing_is_shown_to_a_name_that_was_rebound(http: httpx.Client, path: str) -> None:
    headers = {"host": "attacker.example", "origin": "http://attacker.example"}
    assert refusal(http.get(path, headers=headers)) == "forbidden_host"
    assert refusal(http.get(path, headers={"host": headers["host"]})) == "forbidden_host"


def test_its_own_pages_may_ask(http: httpx.Client) -> None:
    url = http.base_url
    for host in ("127.0.0.1", "localhost"):
        own = f"{host}:{url.port}"
        headers = {"host": own, "origin": f"http://{own}", "sec-fetch-site": "same-origin"}
        answer = http.post(CHAT, json=chat(data_url(PNG)), headers=headers)
        assert answer.status_code == 200
