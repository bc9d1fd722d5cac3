"""A moderation endpoint, without a network."""

import json
from collections.abc import Mapping

import anyio
import httpx
import pytest

from caption_studio.voices.guards.moderation import (
    HTTPPost,
    ModerationEndpoint,
    ModerationFailed,
    Verdict,
    moderate,
    parse_verdicts,
)

pytestmark = pytest.mark.anyio
ANSWER = {
    "results": [
        {"flagged": False, "categories": {"hate": False}},
        {"flagged": True, "categories": {"hate": True, "violence": False}},
    ]
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class FakePost:
    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.sent: list[tuple[str, Mapping[str, str], object, float]] = []

    async def __call__(
        self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float
    ) -> bytes:
        self.sent.append((url, headers, json.loads(body), timeout_s))
        return json.dumps(self.answer).encode()


@pytest.mark.parametrize("url", ["http://m/v1", "http://m/v1/", "http://m/v1/moderations"])
async def test_one_request_asks_about_all_captions(url: str) -> None:
    post = FakePost(ANSWER)
    endpoint = ModerationEndpoint(url, model="m", api_key="k", timeout_s=2.0)
    verdicts = await moderate(["a", "b"], endpoint, post)
    assert verdicts == (Verdict(False), Verdict(True, ("hate",)))
    headers = {"Content-Type": "application/json", "Authorization": "Bearer k"}
    body = {"input": ["a", "b"], "model": "m"}
    assert post.sent == [("http://m/v1/moderations", headers, body, 2.0)]


async def test_no_caption_needs_no_request() -> None:
    post = FakePost(ANSWER)
    assert await moderate([], ModerationEndpoint("http://m"), post) == ()
    assert post.sent == []


async def test_model_and_key_are_optional() -> None:
    post = FakePost({"results": [{"flagged": True}]})
    assert await moderate(["a"], ModerationEndpoint("http://m"), post) == (Verdict(True),)
    assert post.sent[0][1:3] == ({"Content-Type": "application/json"}, {"input": ["a"]})


def test_a_key_is_not_shown() -> None:
    assert "secret" not in repr(ModerationEndpoint("http://m", api_key="secret"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"<html>", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no list of results"),
        (b'{"results": {}}', "no list of results"),
        (b'{"results": []}', "0 results to 1 captions"),
        (b'{"results": [3]}', "does not say if it is flagged"),
        (b'{"results": [{"flagged": "no"}]}', "does not say if it is flagged"),
    ],
)
def test_an_unusable_answer_is_said_to_be(answer: bytes, said: str) -> None:
    with pytest.raises(ModerationFailed, match=said):
        parse_verdicts(answer, 1)


def over(handler: object) -> HTTPPost:
    return HTTPPost(httpx.MockTransport(handler))  # type: ignore[arg-type]


async def test_a_request_goes_over_http() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer k"
        return httpx.Response(200, json={"results": [{"flagged": len(request.content) > 5}]})

    post = over(handler)
    endpoint = ModerationEndpoint("http://m", api_key="k")
    assert await moderate(["a"], endpoint, post) == (Verdict(True),)
    await post.aclose()


async def _slow(_: httpx.Request) -> httpx.Response:
    await anyio.sleep(60)
    return httpx.Response(200)


def _broken(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("no route to http://secret", request=request)


@pytest.mark.parametrize(
    ("handler", "timeout_s", "said"),
    [
        (lambda _: httpx.Response(503), 60, "HTTP status 503"),
        (lambda _: httpx.Response(307, headers={"location": "http://x"}), 60, "HTTP status 307"),
        (lambda _: httpx.Response(200, content=b"x" * 5_000_000), 60, "too long"),
        (_slow, 0.05, "within 0.05 s"),
        (_broken, 60, "cannot be reached"),
    ],
)
async def test_a_failure_is_said_without_addresses(
    handler: object, timeout_s: float, said: str
) -> None:
    post = over(handler)
    with pytest.raises(ModerationFailed, match=said) as caught:
        await moderate(["a"], ModerationEndpoint("http://secret", timeout_s=timeout_s), post)
    assert "secret" not in str(caught.value)
    await post.aclose()


async def test_an_address_that_is_none_fails_as_well() -> None:
    post = HTTPPost()
    with pytest.raises(ModerationFailed):
        await moderate(["a"], ModerationEndpoint("m\x00:"), post)
    await post.aclose()
