"""Pictures that cannot be fetched, and what fetching refuses to reach: real sockets."""

import asyncio
import ssl
from collections.abc import Callable

import httpx
import pytest

from tests.conftest import ARGS
from tests.contract.hostile import CHAT, URL_PARAM, captioned, chat, refused
from tests.contract.internet import StandIn
from tests.unit.images.test_fetch import (
    ADDRESS,
    BROKEN_HTTP,
    COMPRESSED,
    OTHER_ADDRESS,
    PNG,
    URL,
    drip,
    drip_head,
    early_hints,
    ok,
    redirect,
    silence,
)

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("goes_on")]

MAX_BYTES = ARGS["images"]["max_bytes"]
FETCH_TIMEOUT_S = ARGS["images"]["fetch_timeout_s"]
POLICY = (
    "The image URL is not allowed. For a local file or bare base64 send a data URL "
    "(data:image/jpeg;base64,<data>), else an http or https URL of a public host on port 80 "
    "or 443."
)


@pytest.fixture
def example(internet: StandIn) -> StandIn:
    """Give an internet that knows pictures.example."""
    internet.knows("pictures.example", [ADDRESS])
    return internet


def ask(http: httpx.Client, url: str = URL) -> httpx.Response:
    return http.post(CHAT, json=chat(url))


def failed(answer: httpx.Response) -> str:
    message = refused(answer, 400, "invalid_image_url", URL_PARAM)
    assert message != POLICY
    return message


def forbidden(answer: httpx.Response) -> None:
    assert refused(answer, 400, "invalid_image_url", URL_PARAM) == POLICY


# What works, so that the refusals mean something


@pytest.mark.parametrize("media_type", ["image/png", "text/html", "application/json", "nonsense"])
def test_a_picture_is_captioned_under_any_content_type(
    http: httpx.Client, example: StandIn, media_type: str
) -> None:
    with example.site(ADDRESS, 80, ok(media_type=media_type)):
        captioned(ask(http))
    assert (example.asked, example.connected) == (["pictures.example"], [(ADDRESS, 80)])
    assert "host: pictures.example\r\n" in example.requests[0].lower()
    assert "accept-encoding: identity\r\n" in example.requests[0].lower()


def test_a_completions_image_is_fetched_too(http: httpx.Client, example: StandIn) -> None:
    with example.site(ADDRESS, 80, ok()):
        captioned(http.post("/v1/completions", json={"image": URL, "max_tokens": 1}))


def test_a_listed_host_may_be_private_and_on_any_port(
    http: httpx.Client, internet: StandIn
) -> None:
    internet.knows("store.internal", ["10.0.0.7"])
    with internet.site("10.0.0.7", 9000, ok()):
        captioned(ask(http, "http://store.internal:9000/cat.png"))
        forbidden(ask(http, "http://store.internal:9001/cat.png"))
        forbidden(ask(http, "http://10.0.0.7:9000/cat.png"))
        forbidden(ask(http, "http://store.internal/cat.png"))
    assert internet.connected == [("10.0.0.7", 9000)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(http: httpx.Client, example: StandIn, status: int) -> None:
    example.knows("cdn.example", [OTHER_ADDRESS])
    there = example.site(OTHER_ADDRESS, 80, ok())
    with example.site(ADDRESS, 80, redirect("http://cdn.example/c", status)), there:
        captioned(ask(http))
    assert example.connected == [(ADDRESS, 80), (OTHER_ADDRESS, 80)]


# What policy forbids once names and redirects are known


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        [ADDRESS, "127.0.0.1"],
        [*[ADDRESS] * 9, "10.0.0.1"],
        [ADDRESS, "169.254.169.254"],
        [ADDRESS, "::ffff:10.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%2"],
        [],
    ],
    ids=str,
)
def test_a_name_with_any_forbidden_address_is_not_connected_to(
    http: httpx.Client, internet: StandIn, addresses: list[str]
) -> None:
    internet.knows("pictures.example", addresses)
    with internet.site(ADDRESS, 80, ok()):
        forbidden(ask(http))
    assert (internet.asked, internet.connected) == (["pictures.example"], [])


def test_a_name_that_does_not_exist_is_answered_like_a_forbidden_one(
    http: httpx.Client, internet: StandIn
) -> None:
    forbidden(ask(http))
    assert (internet.asked, internet.connected) == (["pictures.example"], [])


def test_rebinding_the_connection_goes_to_the_address_that_was_checked(
    http: httpx.Client, internet: StandIn
) -> None:
    internet.knows("pictures.example", [ADDRESS], ["127.0.0.1"])
    with internet.site(ADDRESS, 80, ok()):
        captioned(ask(http))
        assert internet.asked == ["pictures.example"]
        forbidden(ask(http))
    assert internet.connected == [(ADDRESS, 80)]


def test_rebinding_between_two_hops_is_noticed(http: httpx.Client, internet: StandIn) -> None:
    internet.knows("pictures.example", [ADDRESS], ["127.0.0.1"])
    with internet.site(ADDRESS, 80, redirect("/again")):
        forbidden(ask(http))
    assert internet.asked == ["pictures.example"] * 2
    assert internet.connected == [(ADDRESS, 80)]


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://internal.example/",
        "//internal.example/",
        "http://nowhere.example/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:7f00:1]/",
        "http://93.184.216.34:8080/",
        "http://user@93.184.216.34/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "data:image/png;base64,AAAA",
        "http://pictures.example\\@127.0.0.1/",
        "/" + "x" * 9000,
    ],
    ids=lambda location: location[:40],
)
def test_redirects_to_forbidden_places_are_not_followed(
    http: httpx.Client, example: StandIn, location: str
) -> None:
    example.knows("internal.example", ["10.0.0.1"])
    with example.site(ADDRESS, 80, redirect(location)):
        forbidden(ask(http))
    assert example.connected == [(ADDRESS, 80)]


def test_redirects_end_after_three(http: httpx.Client, example: StandIn) -> None:
    with example.site(ADDRESS, 80, redirect("/again")):
        failed(ask(http))
    assert len(example.connected) == 4


# What fails


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 401, 403, 404, 410, 429, 500, 503])
def test_other_statuses_fail(http: httpx.Client, example: StandIn, status: int) -> None:
    answer = f"HTTP/1.1 {status} secret\r\nContent-Length: 6\r\n\r\nsecret"
    with example.site(ADDRESS, 80, answer.encode()):
        failed(ask(http))


@pytest.mark.parametrize("answer", BROKEN_HTTP.values(), ids=BROKEN_HTTP.keys())
def test_broken_http_fails(http: httpx.Client, example: StandIn, answer: bytes) -> None:
    with example.site(ADDRESS, 80, answer):
        failed(ask(http))


@pytest.mark.parametrize("coding", COMPRESSED)
def test_a_compressed_transfer_fails(http: httpx.Client, example: StandIn, coding: str) -> None:
    with example.site(ADDRESS, 80, ok(COMPRESSED[coding], f"Content-Encoding: {coding}")):
        failed(ask(http))


@pytest.mark.parametrize("coding", COMPRESSED)
def test_a_nominal_coding_over_plain_bytes_is_none(
    http: httpx.Client, example: StandIn, coding: str
) -> None:
    with example.site(ADDRESS, 80, ok(PNG, f"Content-Encoding: {coding}")):
        captioned(ask(http))


@pytest.mark.parametrize("body", [b"", b"<h1>Please log in</h1>", b"\0" * 100])
def test_what_is_no_image_fails(http: httpx.Client, example: StandIn, body: bytes) -> None:
    with example.site(ADDRESS, 80, ok(body, media_type="text/html")):
        failed(ask(http))


def test_an_image_of_another_format_is_named_so(http: httpx.Client, example: StandIn) -> None:
    with example.site(ADDRESS, 80, ok(b"<svg/>", media_type="image/svg+xml")):
        refused(ask(http), 400, "invalid_image_format", URL_PARAM)


def test_a_truncated_image_is_named_so(http: httpx.Client, example: StandIn) -> None:
    with example.site(ADDRESS, 80, ok(PNG[:40])):
        refused(ask(http), 400, "image_parse_error", URL_PARAM)


def test_nobody_listening_fails(http: httpx.Client, example: StandIn) -> None:
    failed(ask(http))
    assert example.connected == [(ADDRESS, 80)]


def test_a_server_without_tls_fails(http: httpx.Client, example: StandIn) -> None:
    with example.site(ADDRESS, 443, b"HTTP/1.1 400 Bad Request\r\n\r\n", greet=True):
        failed(ask(http, "https://pictures.example/"))
    assert example.connected == [(ADDRESS, 443)]


@pytest.mark.parametrize("name", ["pictures.example", "other.example"])
def test_a_certificate_of_unknown_origin_fails(
    http: httpx.Client,
    example: StandIn,
    certified: Callable[[str], tuple[ssl.SSLContext, ssl.SSLContext]],
    name: str,
) -> None:
    server, _ = certified(name)
    with example.site(ADDRESS, 443, ok(), tls=server):
        failed(ask(http, "https://pictures.example/"))
    assert example.requests == []


@pytest.mark.parametrize(
    "framing", [f"Content-Length: {MAX_BYTES + 1}", "Transfer-Encoding: chunked", "A: b"]
)
def test_a_body_over_the_cap_fails_by_header_and_by_count(
    http: httpx.Client, example: StandIn, framing: str
) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        while "Length" not in framing:
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()

    with example.site(ADDRESS, 80, endless):
        assert str(MAX_BYTES) in failed(ask(http))


@pytest.mark.parametrize("answer", [silence, drip, drip_head, early_hints])
def test_the_deadline_is_for_the_whole_fetch(
    http: httpx.Client, example: StandIn, answer: object
) -> None:
    with example.site(ADDRESS, 80, answer):
        response = ask(http)
    assert "in time" in failed(response)
    assert FETCH_TIMEOUT_S <= response.elapsed.total_seconds() < FETCH_TIMEOUT_S + 5


def test_a_handshake_that_never_ends_is_under_the_deadline(
    http: httpx.Client, example: StandIn
) -> None:
    with example.site(ADDRESS, 443, silence, greet=True):
        assert "in time" in failed(ask(http, "https://pictures.example/"))


def test_an_address_that_stays_silent_is_under_the_deadline(
    http: httpx.Client, example: StandIn
) -> None:
    example.is_silent(ADDRESS)
    failed(ask(http))


def test_the_bad_one_of_several_pictures_is_named(http: httpx.Client, example: StandIn) -> None:
    urls = [URL, "http://pictures.example:22/", URL]
    content = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    body = {"messages": [{"role": "user", "content": content}], "max_tokens": 1}
    with example.site(ADDRESS, 80, ok()):
        answer = http.post(CHAT, json=body)
    param = "messages[0].content[1].image_url.url"
    assert refused(answer, 400, "invalid_image_url", param) == POLICY


def test_a_caller_who_leaves_harms_nobody(http: httpx.Client, example: StandIn) -> None:
    with example.site(ADDRESS, 80, silence), pytest.raises(httpx.ReadTimeout):
        http.post(CHAT, json=chat(URL), timeout=0.3)
