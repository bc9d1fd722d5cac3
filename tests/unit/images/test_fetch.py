"""The fetcher on real sockets: what it connects to, what it sends, what it puts up with."""

import asyncio
import contextlib
import gzip
import io
import socket
import zlib

import pytest
from PIL import Image

from caption_studio.errors import InvalidImageURL, Overloaded
from caption_studio.images.network import SystemResolver
from caption_studio.records import ImageReference
from tests.unit.images.internet import PARAM, Internet
from tests.unit.images.test_url_guard import REFUSED_URLS

pytestmark = pytest.mark.anyio

ADDRESS, OTHER_ADDRESS = "93.184.216.34", "2606:4700::1111"
URL = "http://pictures.example/cat.jpg"


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    return file.getvalue()


PNG = picture()


def ok(body: bytes = PNG, *headers: str, media_type: str = "image/png") -> bytes:
    lines = [f"Content-Type: {media_type}", f"Content-Length: {len(body)}", *headers]
    return ("HTTP/1.1 200 OK\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode() + body


def redirect(location: str, status: int = 302) -> bytes:
    head = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    return head.encode()


@pytest.fixture
def example(internet: Internet) -> Internet:
    """Give an internet that knows pictures.example."""
    internet.names["pictures.example"] = [[ADDRESS]]
    return internet


async def refusal(internet: Internet, url: str = URL, **settings: object) -> str:
    """Return the message of the error, checked to be one that tells nothing."""
    with pytest.raises(InvalidImageURL) as caught:
        await internet.fetch(url, **settings)
    error = caught.value
    assert (error.status, error.code, error.param) == (400, "invalid_image_url", PARAM)
    for secret in (ADDRESS, OTHER_ADDRESS, "example", "secret", "Error", "127.0.0.1"):
        assert secret not in error.message
    return error.message


async def policy_message() -> str:
    return await refusal(Internet(), "ftp://x/")


# What works


@pytest.mark.parametrize("address", [ADDRESS, OTHER_ADDRESS])
async def test_fetches_a_picture(internet: Internet, address: str) -> None:
    internet.names["pictures.example"] = [[address]]
    async with internet.site(address, 80, ok()):
        assert await internet.fetch(URL) == PNG
    assert internet.connected == [(address, 80)]


async def test_an_address_is_not_resolved(internet: Internet) -> None:
    async with internet.site(OTHER_ADDRESS, 80, ok()):
        assert await internet.fetch(f"http://[{OTHER_ADDRESS}]/") == PNG
    assert internet.asked == []
    assert f"Host: [{OTHER_ADDRESS}]\r\n" in internet.requests[0]


async def test_sends_the_name_and_nothing_about_us(
    example: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with example.site(ADDRESS, 80, ok(PNG, "Set-Cookie: a=b")):
        await example.fetch("http://pictures.example/a%20b?q=ä#part")
        await example.fetch(URL)
    head, *lines = example.requests[0].rstrip().split("\r\n")
    assert head == "GET /a%20b?q=%C3%A4 HTTP/1.1"
    assert {line.split(":")[0].lower() for line in lines} == {
        "host",
        "user-agent",
        "accept",
        "accept-encoding",
        "connection",
    }
    assert {"Host: pictures.example", "Accept-Encoding: identity"} <= set(lines)
    assert "cookie" not in example.requests[1].lower()


@pytest.mark.parametrize("media_type", ["text/html", "application/json", "image/gif", "nonsense"])
async def test_a_picture_under_a_wrong_content_type_is_fine(
    example: Internet, media_type: str
) -> None:
    async with example.site(ADDRESS, 80, ok(media_type=media_type)):
        assert await example.fetch(URL) == PNG


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + PNG,
        b"HTTP/1.0 200 OK\r\n\r\n" + PNG,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
        % (len(PNG), PNG),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\n\r\n" + PNG,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" + ok(),
    ],
    ids=["no length", "http/1.0", "chunked", "identity", "early hints"],
)
async def test_reads_every_framing(example: Internet, answer: bytes) -> None:
    async with example.site(ADDRESS, 80, answer):
        assert await example.fetch(URL) == PNG


async def test_tries_the_next_address_when_one_does_not_answer(internet: Internet) -> None:
    internet.names["pictures.example"] = [[OTHER_ADDRESS, ADDRESS]]
    async with internet.site(ADDRESS, 80, ok()):
        assert await internet.fetch(URL) == PNG
    assert internet.connected == [(OTHER_ADDRESS, 80), (ADDRESS, 80)]


async def test_a_format_that_is_not_read_is_left_for_the_decoder_to_name(
    example: Internet,
) -> None:
    async with example.site(ADDRESS, 80, ok(b"<svg/>", media_type="Image/SVG+xml")):
        assert await example.fetch(URL) == b"<svg/>"


# What policy refuses


@pytest.mark.parametrize("url", REFUSED_URLS, ids=lambda url: ascii(url)[:60])
async def test_a_refused_url_is_answered_alike_and_asks_nobody(
    internet: Internet, url: str
) -> None:
    assert await refusal(internet, url) == await policy_message()
    assert (internet.asked, internet.connected) == ([], [])


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fec0::1]",
        "[fd00:ec2::254]",
    ],
)
async def test_a_forbidden_address_is_answered_alike_and_not_connected_to(
    internet: Internet, host: str
) -> None:
    assert await refusal(internet, f"http://{host}/") == await policy_message()
    assert internet.connected == []


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [ADDRESS, "127.0.0.1"], [ADDRESS] * 9 + ["10.0.0.1"], ["fe80::1%2"], []],
)
async def test_a_name_with_any_forbidden_address_is_answered_alike_and_not_connected_to(
    internet: Internet, addresses: list[str]
) -> None:
    internet.names["pictures.example"] = [addresses]
    async with internet.site(ADDRESS, 80, ok()):
        assert await refusal(internet) == await policy_message()
    assert internet.connected == []


async def test_a_name_that_does_not_exist_is_answered_like_a_forbidden_one(
    internet: Internet,
) -> None:
    assert await refusal(internet) == await policy_message()
    assert internet.connected == []


async def test_connects_to_the_address_that_was_checked(internet: Internet) -> None:
    internet.names["pictures.example"] = [[ADDRESS], ["127.0.0.1"]]  # rebinding
    async with internet.site(ADDRESS, 80, ok()):
        assert await internet.fetch(URL) == PNG
        assert internet.asked == ["pictures.example"]
        assert await refusal(internet) == await policy_message()
    assert internet.connected == [(ADDRESS, 80)]


async def test_a_redirect_resolves_again(internet: Internet) -> None:
    internet.names["pictures.example"] = [[ADDRESS], ["127.0.0.1"]]
    async with internet.site(ADDRESS, 80, redirect("/again")):
        assert await refusal(internet) == await policy_message()
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
        "http://[::1]/",
        "http://93.184.216.34:8080/",
        "http://user@93.184.216.34/",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "http://pictures.example\\@127.0.0.1/",
        "/" + "x" * 9000,
    ],
)
async def test_redirects_to_forbidden_places_are_not_followed(
    example: Internet, location: str
) -> None:
    example.names["internal.example"] = [["10.0.0.1"]]
    async with example.site(ADDRESS, 80, redirect(location)):
        assert await refusal(example) == await policy_message()
    assert example.connected == [(ADDRESS, 80)]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_follows_redirects(example: Internet, status: int) -> None:
    example.names["cdn.example"] = [[OTHER_ADDRESS]]
    there = example.site(OTHER_ADDRESS, 443, ok())
    async with example.site(ADDRESS, 80, redirect("http://cdn.example:443/c", status)), there:
        assert await example.fetch(URL) == PNG
    assert example.connected == [(ADDRESS, 80), (OTHER_ADDRESS, 443)]
    assert example.requests[1].startswith("GET /c HTTP/1.1\r\nHost: cdn.example:443\r\n")


@pytest.mark.parametrize("max_redirects", [0, 3])
async def test_follows_only_so_many_redirects(example: Internet, max_redirects: int) -> None:
    async with example.site(ADDRESS, 80, redirect("/again")):
        await refusal(example, max_redirects=max_redirects)
    assert len(example.connected) == max_redirects + 1


async def test_a_listed_host_may_be_private_and_on_any_port(internet: Internet) -> None:
    internet.names["store.internal"] = [["10.0.0.7"]]
    async with internet.site("10.0.0.7", 9000, ok()):
        url = "http://store.internal:9000/cat.png"
        assert await refusal(internet, url) == await policy_message()
        assert await internet.fetch(url, allowed_hosts=["store.internal:9000"]) == PNG


async def test_a_redirect_from_a_listed_host_is_judged_afresh(internet: Internet) -> None:
    internet.names["store.internal"] = [["10.0.0.7"]]
    listed = {"allowed_hosts": ["store.internal:9000"]}
    for location in ("http://store.internal/", "http://10.0.0.7:9000/", "http://10.0.0.8/"):
        async with internet.site("10.0.0.7", 9000, redirect(location)):
            url = "http://store.internal:9000/"
            assert await refusal(internet, url, **listed) == await policy_message()
    assert set(internet.connected) == {("10.0.0.7", 9000)}


async def test_a_listed_host_is_reached_over_the_systems_own_network() -> None:
    """Nothing stubbed: 127.0.0.1 by the name that the system knows it by."""
    internet = Internet()
    async with internet.site("127.0.0.1", 0, ok()):
        port = internet.local_port("127.0.0.1", 0)
        fetcher = internet.fetcher(
            resolver=SystemResolver(1), stubbed=False, allowed_hosts=[f"localhost:{port}"]
        )
        reference = ImageReference(f"http://localhost:{port}/", PARAM)
        async with fetcher.fetched(reference) as image:
            assert image.data == PNG


# What fails


@pytest.mark.parametrize(
    "status", [201, 204, 206, 300, 304, 305, 400, 401, 404, 410, 429, 500, 503]
)
async def test_other_statuses_fail(example: Internet, status: int) -> None:
    answer = f"HTTP/1.1 {status} secret\r\nContent-Length: 6\r\n\r\nsecret"
    async with example.site(ADDRESS, 80, answer.encode()):
        await refusal(example)


BROKEN_HTTP = {
    "closed": b"",
    "no http": b"secret garbage\r\n\r\n",
    "short": b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + PNG,
    "bad length": b"HTTP/1.1 200 OK\r\nContent-Length: secret\r\n\r\n" + PNG,
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n" + PNG,
    "bad chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n",
    "gzip transfer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + PNG,
    "long head": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n" + PNG,
    "redirect to nowhere": b"HTTP/1.1 302 Found\r\n\r\n",
    "redirect to no text": b"HTTP/1.1 302 Found\r\nLocation: /\xff\r\n\r\n",
}


@pytest.mark.parametrize("answer", BROKEN_HTTP.values(), ids=BROKEN_HTTP.keys())
async def test_broken_http_fails(example: Internet, answer: bytes) -> None:
    async with example.site(ADDRESS, 80, answer):
        await refusal(example)


COMPRESSED = {
    "gzip": gzip.compress(PNG),
    "X-GZIP": gzip.compress(PNG),
    "deflate": zlib.compress(PNG),
    "identity, gzip": gzip.compress(PNG),
    "br": b"\x0b\x1f\x80" + PNG + b"\x03",
    "zstd": b"\x28\xb5\x2f\xfd" + PNG,
}


@pytest.mark.parametrize("coding", COMPRESSED)
async def test_a_compressed_transfer_fails(example: Internet, coding: str) -> None:
    async with example.site(ADDRESS, 80, ok(COMPRESSED[coding], f"Content-Encoding: {coding}")):
        assert "compressed" in await refusal(example)


@pytest.mark.parametrize("body", [b"", b"<h1>Please log in</h1>", b"\0" * 100])
@pytest.mark.parametrize("media_type", ["text/html", "application/octet-stream", ""])
async def test_what_is_no_image_fails(example: Internet, body: bytes, media_type: str) -> None:
    async with example.site(ADDRESS, 80, ok(body, media_type=media_type)):
        await refusal(example)


async def test_nobody_listening_fails(example: Internet) -> None:
    await refusal(example)
    assert example.connected == [(ADDRESS, 80)]


async def test_tries_only_so_many_addresses(internet: Internet) -> None:
    internet.names["pictures.example"] = [[f"1.1.1.{n}" for n in range(100)]]
    await refusal(internet)
    assert len(internet.connected) == 4


@pytest.mark.parametrize("framing", ["Content-Length: 1001", "Transfer-Encoding: chunked", "A: b"])
async def test_a_body_over_the_cap_fails_by_header_and_by_count(
    example: Internet, framing: str
) -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        while "Length" not in framing:
            writer.write(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
            await writer.drain()
            sent += 1

    async with example.site(ADDRESS, 80, endless):
        assert "1000 bytes" in await refusal(example, max_bytes=1000)
        exact = ok(PNG.ljust(1000, b"\0"))
    async with example.site(ADDRESS, 80, exact):
        assert len(await example.fetch(URL, max_bytes=1000)) == 1000


async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def drip_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def early_hints(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("answer", [silence, drip, drip_head, early_hints])
async def test_the_deadline_is_for_the_whole_fetch(example: Internet, answer: object) -> None:
    async with example.site(ADDRESS, 80, answer):
        assert "in time" in await refusal(example, fetch_timeout_s=0.2)


async def test_redirects_share_one_deadline(example: Internet) -> None:
    async def slow_redirect(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(redirect("/again"))
        await writer.drain()

    async with example.site(ADDRESS, 80, slow_redirect):
        assert "in time" in await refusal(example, fetch_timeout_s=0.3, max_redirects=1000)


async def test_slow_names_are_under_the_deadline() -> None:
    class Slow(Internet):
        async def resolve(self, host: str, port: int) -> list[str]:
            await asyncio.Event().wait()
            return []

    assert "in time" in await refusal(Slow(), fetch_timeout_s=0.1)


async def test_addresses_that_stay_silent_share_the_deadline(internet: Internet) -> None:
    internet.names["pictures.example"] = [[OTHER_ADDRESS, ADDRESS]]
    internet.silent.add(OTHER_ADDRESS)
    async with internet.site(ADDRESS, 80, ok()):
        assert await internet.fetch(URL, fetch_timeout_s=2.0) == PNG


async def test_only_so_many_fetches_run_and_the_wait_is_under_the_deadline(
    example: Internet,
) -> None:
    fetcher = example.fetcher(fetch_concurrency=1, fetch_timeout_s=1.0)
    reference = ImageReference(URL, PARAM)
    async with example.site(ADDRESS, 80, ok()):
        async with fetcher.fetched(reference):
            with pytest.raises(Overloaded) as caught:
                async with fetcher.fetched(reference):
                    pass
        assert (caught.value.param, caught.value.retry_after_s) == (PARAM, 1)
        async with fetcher.fetched(reference) as image:
            assert image.data == PNG


async def test_the_wait_for_a_place_takes_no_time_from_the_fetch(example: Internet) -> None:
    fetcher = example.fetcher(fetch_concurrency=1, fetch_timeout_s=1.5)
    reference = ImageReference(URL, PARAM)

    async def slow(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.9)
        writer.write(ok())
        await writer.drain()

    async def fetch() -> bytes:
        async with fetcher.fetched(reference) as image:
            return image.data

    async with example.site(ADDRESS, 80, slow):
        first, second = await asyncio.gather(fetch(), fetch())
    assert first == second == PNG


@pytest.mark.parametrize("answer", [b"", silence, ok()])
async def test_a_place_comes_free_however_the_fetch_ends(example: Internet, answer: object) -> None:
    fetcher = example.fetcher(fetch_concurrency=1, fetch_timeout_s=0.4)
    reference = ImageReference(URL, PARAM)
    async with example.site(ADDRESS, 80, answer):
        for _ in range(3):
            with contextlib.suppress(InvalidImageURL):
                async with fetcher.fetched(reference):
                    pass
    assert len(example.connected) == 3


async def test_a_caller_who_leaves_frees_the_place(example: Internet) -> None:
    fetcher = example.fetcher(fetch_concurrency=1)
    reference = ImageReference(URL, PARAM)
    arrived = asyncio.Event()

    async def wait(writer: asyncio.StreamWriter) -> None:
        arrived.set()
        await asyncio.Event().wait()

    async def fetch() -> bytes:
        async with fetcher.fetched(reference) as image:
            return image.data

    async with example.site(ADDRESS, 80, wait):
        task = asyncio.create_task(fetch())
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with example.site(ADDRESS, 80, ok()):
        assert await fetch() == PNG


async def test_the_systems_resolver_gives_every_address_and_oserror() -> None:
    resolver = SystemResolver(1)
    assert "127.0.0.1" in await resolver.resolve("localhost", 80)
    with pytest.raises(socket.gaierror):
        await resolver.resolve("does-not-exist.invalid", 80)
    resolver.close()
    with pytest.raises(OSError, match="closed"):
        await resolver.resolve("localhost", 80)
