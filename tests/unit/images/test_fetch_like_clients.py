"""Whatever httpx hands out unchanged, requests and aiohttp mostly too, the fetcher takes."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import httpx
import pytest
import requests

from caption_studio.errors import InvalidImageURL
from tests.unit.images.internet import Internet
from tests.unit.images.test_fetch import ADDRESS, PNG, URL

pytestmark = pytest.mark.anyio

LENGTH = f"Content-Length: {len(PNG)}"
CHUNKED = "Transfer-Encoding: chunked"


def answer(*headers: str, status: str = "HTTP/1.1 200 OK", body: bytes = PNG) -> bytes:
    return "\r\n".join([status, *headers, "", ""]).encode("latin-1") + body


def chunks(*sizes: int, extension: str = "", trailer: str = "") -> bytes:
    """Return the picture in chunks of these sizes and a last one of the rest."""
    body, at = b"", 0
    for size in (*sizes, len(PNG) - sum(sizes)):
        body += f"{size:x}{extension}\r\n".encode() + PNG[at : at + size] + b"\r\n"
        at += size
    return body + f"0{extension}\r\n{trailer}\r\n".encode()


ENCODINGS = [
    "identity",
    "Identity",
    "IDENTITY",
    " identity ",
    "identity, identity",
    "identity,",
    "",
    "none",
    "binary",
    "utf-8",
    "aws-chunked",
    "8bit",
    "image/png",
    "gzip",
    "x-gzip",
    "GZIP",
    "identity, gzip",
    "deflate",
    "br",
    "zstd",
    "compress",
]
STATUSES = [200, 201, 202, 203, 206, 207, 208, 226, 250, 299]
ANSWERS: dict[str, bytes] = {
    **{f"content-encoding: {e}": answer(LENGTH, f"Content-Encoding: {e}") for e in ENCODINGS},
    **{f"status {s}": answer(LENGTH, status=f"HTTP/1.1 {s} Fine") for s in STATUSES},
    "206 of all": answer(
        LENGTH,
        f"Content-Range: bytes 0-{len(PNG) - 1}/{len(PNG)}",
        status="HTTP/1.1 206 Partial Content",
    ),
    "http/1.0": answer(status="HTTP/1.0 200 OK"),
    "http/1.0 with a length": answer(LENGTH, status="HTTP/1.0 200 OK"),
    "http/1.0 kept alive": answer(LENGTH, "Connection: keep-alive", status="HTTP/1.0 200 OK"),
    "no reason": answer(LENGTH, status="HTTP/1.1 200"),
    "no reason but a blank": answer(LENGTH, status="HTTP/1.1 200 "),
    "a reason of other letters": answer(LENGTH, status="HTTP/1.1 200 Tr\xe8s bien"),
    "no length": answer(),
    "no length, closed": answer("Connection: close"),
    "the length twice": answer(LENGTH, LENGTH),
    "the length twice in one line": answer(f"{LENGTH}, {len(PNG)}"),
    "the length with zeros": answer(f"Content-Length: 000{len(PNG)}"),
    "the length with blanks": answer(f"Content-Length:   {len(PNG)}  "),
    "a length of thousands of zeros": answer(f"Content-Length: {'0' * 5000}{len(PNG)}"),
    "more than the length": answer(LENGTH, body=PNG + b"more"),
    "chunked": answer(CHUNKED, body=chunks()),
    "chunked, many": answer(CHUNKED, body=chunks(1, 2, 3)),
    "chunked, capitals": answer("Transfer-Encoding: Chunked", body=chunks()),
    "chunked, extensions": answer(CHUNKED, body=chunks(5, extension=";a=b;c")),
    "chunked, quoted extension": answer(CHUNKED, body=chunks(5, extension=';a="b;c"')),
    "chunked, trailer": answer(CHUNKED, "Trailer: X-A", body=chunks(5, trailer="X-A: b\r\n")),
    "chunked and a wrong length": answer(CHUNKED, "Content-Length: 99999999", body=chunks()),
    "chunked and identity": answer(CHUNKED, "Content-Encoding: identity", body=chunks()),
    "wrong type": answer(LENGTH, "Content-Type: text/html; charset=utf-8"),
    "odd type": answer(LENGTH, "Content-Type: ;"),
    "two types": answer(LENGTH, "Content-Type: text/plain", "Content-Type: image/png"),
    "attachment": answer(LENGTH, "Content-Disposition: attachment; filename=a.png"),
    "names in any case": answer(f"CONTENT-LENGTH: {len(PNG)}", "content-TYPE: image/png"),
    "values of other letters": answer(LENGTH, "X-Name: caf\xe9", "Server: \xff"),
    "an empty value": answer(LENGTH, "X-Empty:"),
    "many headers": answer(LENGTH, *[f"X-{number}: {number}" for number in range(80)]),
    "a long header": answer(LENGTH, f"X-Long: {'x' * 8000}"),
    "cookies": answer(LENGTH, "Set-Cookie: a=b", "Set-Cookie: c=d"),
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer(LENGTH),
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + answer(LENGTH),
    "bare line feeds": answer(LENGTH).replace(b"\r\n", b"\n", 2),
    "folded header": answer(LENGTH, "X-A: b\r\n c"),
    "a location without a redirect": answer(LENGTH, "Location: /elsewhere"),
    "cut short": answer(f"Content-Length: {len(PNG) + 1}"),
    "not found": answer(LENGTH, status="HTTP/1.1 404 Not Found"),
    "not changed": answer(status="HTTP/1.1 304 Not Modified", body=b""),
    "several choices": answer(LENGTH, status="HTTP/1.1 300 Multiple Choices"),
}

HEADERS = {"accept-encoding": "identity"}


async def by_httpx(url: str) -> bytes:
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as client:
        return (await client.get(url, headers=HEADERS)).raise_for_status().content


async def by_requests(url: str) -> bytes:
    def get() -> bytes:
        with requests.Session() as session:
            session.trust_env = False
            response = session.get(url, headers=HEADERS, timeout=5)
            response.raise_for_status()
            return bytes(response.content)

    return await asyncio.to_thread(get)


async def by_aiohttp(url: str) -> bytes:
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.get(url, headers=HEADERS) as response,
    ):
        return await response.read()


Client = Callable[[str], Awaitable[bytes]]


async def hands_it_out(client: Client, url: str) -> bool:
    try:
        return await client(url) == PNG
    except (httpx.HTTPError, requests.RequestException, aiohttp.ClientError, ValueError):
        return False


@pytest.mark.parametrize("name", ANSWERS)
async def test_takes_what_the_clients_hand_out(internet: Internet, name: str) -> None:
    internet.names["pictures.example"] = [[ADDRESS]]
    async with internet.site(ADDRESS, 80, ANSWERS[name]):
        url = f"http://127.0.0.1:{internet.local_port(ADDRESS, 80)}/"
        clients: list[Client] = [by_httpx, by_requests, by_aiohttp]
        theirs = [await hands_it_out(client, url) for client in clients]
        try:
            ours = await internet.fetch(URL) == PNG
        except InvalidImageURL:
            ours = False
    assert ours or not theirs[0]
    assert ours or not all(theirs)


@pytest.mark.parametrize(
    "location",
    ["/a", "a", "?a", "./a?b=c#d", "/a b.png", "/a%20b.png", "/caf\u00e9.png", "/a;b=[c]"],
)
async def test_follows_the_redirects_that_clients_follow(internet: Internet, location: str) -> None:
    internet.names["pictures.example"] = [[ADDRESS]]

    async def redirect_once(writer: asyncio.StreamWriter) -> None:
        asked_first = internet.requests[-1].startswith("GET /cat.jpg ")
        headers = (f"Location: {location}", "Content-Length: 0", "Connection: close")
        moved = answer(*headers, status="HTTP/1.1 302 Found", body=b"").decode("latin-1").encode()
        writer.write(moved if asked_first else answer(LENGTH))
        await writer.drain()

    async with internet.site(ADDRESS, 80, redirect_once):
        url = f"http://127.0.0.1:{internet.local_port(ADDRESS, 80)}/cat.jpg"
        for client in (by_httpx, by_requests, by_aiohttp):
            assert await client(url) == PNG
        assert await internet.fetch(URL) == PNG
