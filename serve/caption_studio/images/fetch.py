"""ImageReference → ImageBytes for http(s) URLs.

httpcore without httpx above it: one connection per hop, made for the addresses that were
just checked and closed after. There is no pool that could hand a checked name a connection
to an unchecked address, and nothing to switch off: no proxies or credentials from the
environment, no cookies, no redirects followed unseen, no body unpacked. httpcore's network
backend is the seam where a connection is pinned to an address while the Host header, SNI
and the certificate check go by the name.

`url_guard.py` decides which URLs are allowed.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpcore

from caption_studio.errors import RETRY_AFTER_S, InvalidImageURL, Overloaded
from caption_studio.images.formats import sniff
from caption_studio.images.network import PinnedNetwork, Resolver
from caption_studio.images.url_guard import Refused, Target, URLGuard
from caption_studio.records import ImageBytes, ImageReference
from caption_studio.settings import ImageSettings

# One text for every refusal, and for a name that does not resolve: the difference would
# tell a caller which names exist inside our network.
_REFUSED = (
    "The image URL is not allowed. For a local file or bare base64 send a data URL "
    "(data:image/jpeg;base64,<data>), else an http or https URL of a public host on port 80 "
    "or 443."
)
_FAILED = "The image could not be fetched from its URL."
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SUCCESSES = range(200, 300)
_CONTENT_ENCODING = b"content-encoding"
_COMPRESSIONS = frozenset(
    {b"br", b"compress", b"dcb", b"dcz", b"deflate", b"gzip", b"x-compress", b"x-gzip", b"zstd"}
)
_MAX_LENGTH_DIGITS = 18
_HEADERS = (
    (b"User-Agent", b"caption-studio"),
    (b"Accept", b"image/jpeg, image/png, image/webp, image/gif, image/heic, image/*;q=0.5"),
    (b"Accept-Encoding", b"identity"),
    (b"Connection", b"close"),
)
_HTTPCORE_ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    OSError,  # from TLS, past the handshake
)


class _Failed(Exception):
    """The URL is allowed and gives no picture; `str` of it is public text."""


class URLFetcher:
    """Fetches pictures from untrusted hosts, a bounded number at a time."""

    def __init__(
        self,
        settings: ImageSettings,
        *,
        resolver: Resolver,
        network: httpcore.AsyncNetworkBackend,
        ssl_context: ssl.SSLContext,
    ) -> None:
        self._settings = settings
        self._resolver = resolver
        self._network = network
        self._ssl_context = ssl_context
        self._places = asyncio.Semaphore(settings.fetch_concurrency)
        self._guard = URLGuard(
            max_url_bytes=settings.max_url_bytes, listed_hosts=settings.allowed_hosts
        )

    @asynccontextmanager
    async def fetched(self, reference: ImageReference) -> AsyncIterator[ImageBytes]:
        """Yield the bytes behind the URL and hold the place while the context lasts.

        So at most `fetch_concurrency` fetched pictures are in memory. The wait for a place and the
        fetch may take `fetch_timeout_s` each: a slow host of another caller must not use up the
        time of this fetch. Raises `InvalidImageURL`, or `Overloaded` if no place came free in time.
        """
        try:
            target = self._guard.read(reference.url)
        except Refused as error:
            raise InvalidImageURL(_REFUSED, param=reference.param) from error
        try:
            async with asyncio.timeout(self._settings.fetch_timeout_s):
                await self._places.acquire()
        except TimeoutError as error:
            raise Overloaded(
                "Too many images are being fetched.",
                param=reference.param,
                retry_after_s=RETRY_AFTER_S,
            ) from error
        try:
            yield await self._fetch(target, reference.param)
        finally:
            self._places.release()

    async def _fetch(self, target: Target, param: str) -> ImageBytes:
        deadline_s = asyncio.get_running_loop().time() + self._settings.fetch_timeout_s
        try:
            async with asyncio.timeout_at(deadline_s):
                data = await self._follow_redirects(target, deadline_s)
        except Refused as error:
            raise InvalidImageURL(_REFUSED, param=param) from error
        except _Failed as error:
            raise InvalidImageURL(str(error), param=param) from error.__cause__
        except TimeoutError as error:
            raise InvalidImageURL(
                "The image could not be fetched from its URL in time.", param=param
            ) from error
        return ImageBytes(data=data, param=param)

    async def _follow_redirects(self, target: Target, deadline_s: float) -> bytes:
        for _ in range(self._settings.max_redirects + 1):
            answer = await self._get(target, deadline_s)
            if isinstance(answer, bytes):
                return answer
            target = self._guard.follow(target, answer)
        raise _Failed("The image URL redirects too often.")

    async def _get(self, target: Target, deadline_s: float) -> bytes | str:
        """Return the body, or the location of a redirect."""
        addresses = await self._resolve(target)
        self._guard.check_addresses(target, addresses)
        network = PinnedNetwork(self._network, addresses, deadline_s)
        connection = httpcore.AsyncHTTPConnection(
            httpcore.Origin(target.scheme.encode(), target.host.encode(), target.port),
            ssl_context=self._ssl_context,
            network_backend=network,
        )
        request = httpcore.Request(
            "GET",
            httpcore.URL(
                scheme=target.scheme.encode(),
                host=target.host.encode(),
                port=target.port,
                target=target.path.encode(),
            ),
            headers=[(b"Host", target.authority.encode()), *_HEADERS],
        )
        try:
            response = await connection.handle_async_request(request)
            return await self._read(response)
        except _HTTPCORE_ERRORS as error:
            raise _Failed(_FAILED) from error
        finally:
            await connection.aclose()
            await network.aclose()

    async def _resolve(self, target: Target) -> tuple[str, ...]:
        if target.address is not None:
            return (target.address,)
        try:
            return tuple(await self._resolver.resolve(target.host, target.port))
        except OSError as error:
            raise Refused from error

    async def _read(self, response: httpcore.Response) -> bytes | str:
        headers = {name.lower(): value for name, value in response.headers}
        if response.status in _REDIRECTS and b"location" in headers:
            return _text(headers[b"location"])
        if response.status not in _SUCCESSES:
            raise _Failed(_FAILED)
        data = await self._read_body(response, _stated_bytes(headers))
        if sniff(data) is not None:
            return data  # whatever type and coding the headers name
        if any(_is_compressing(v) for n, v in response.headers if n.lower() == _CONTENT_ENCODING):
            raise _Failed("The image URL answers with a compressed transfer.")
        if not headers.get(b"content-type", b"").strip().lower().startswith(b"image/"):
            raise _Failed("The URL does not lead to an image.")
        return data

    async def _read_body(self, response: httpcore.Response, stated_bytes: int) -> bytes:
        max_bytes = self._settings.max_bytes
        body = bytearray()
        if stated_bytes <= max_bytes:
            async for piece in response.aiter_stream():
                body += piece
                if len(body) > max_bytes:
                    break
            else:
                return bytes(body)
        raise _Failed(f"The image at the URL is over the limit of {max_bytes} bytes.")


def _stated_bytes(headers: Mapping[bytes, bytes]) -> int:
    """Return the body's announced length, which h11 has checked; 0 if it is unknown."""
    if b"transfer-encoding" in headers:
        return 0  # and a length beside it means nothing (RFC 9112, section 6.3)
    stated = headers.get(b"content-length", b"0").partition(b",")[0].strip()
    return int(stated[:_MAX_LENGTH_DIGITS])


def _is_compressing(content_encoding: bytes) -> bool:
    codings = {coding.strip().lower() for coding in content_encoding.split(b",")}
    return not codings.isdisjoint(_COMPRESSIONS)


def _text(header: bytes) -> str:
    try:
        return header.decode()
    except UnicodeDecodeError as error:
        raise _Failed(_FAILED) from error
