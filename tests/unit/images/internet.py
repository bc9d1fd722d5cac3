"""An internet of the tests' own: names and addresses are made up, sockets are real."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore

from caption_studio.images.fetch import URLFetcher
from caption_studio.images.network import Resolver
from caption_studio.records import ImageReference
from caption_studio.settings import ImageSettings

TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
PARAM = "messages[0].content[1].image_url.url"
Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


class Internet(httpcore.AsyncNetworkBackend):
    """Resolver and network backend in one; says afterwards what it was asked for.

    `names` maps a host to its successive answers, the last of which is repeated.
    `silent` addresses never answer a connection.
    """

    def __init__(self) -> None:
        self.names: dict[str, list[Sequence[str]]] = {}
        self.silent: set[str] = set()
        self.asked: list[str] = []
        self.connected: list[tuple[str, int]] = []
        self.requests: list[str] = []
        self._ports: dict[tuple[str, int], int] = {}

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self.names.get(host)
        if answers is None:
            raise OSError("no such name: secret resolver detail")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append((host, port))
        if host in self.silent:
            await asyncio.sleep(timeout or 0)
            raise httpcore.ConnectTimeout(f"silence from {host}")
        if (host, port) not in self._ports:
            raise httpcore.ConnectError(f"nothing listens on {host}")
        return await httpcore.AnyIOBackend().connect_tcp(
            "127.0.0.1", self._ports[host, port], timeout
        )

    def local_port(self, address: str, port: int) -> int:
        """Return the port on 127.0.0.1 behind a site."""
        return self._ports[address, port]

    @contextlib.asynccontextmanager
    async def site(
        self,
        address: str,
        port: int,
        answer: Answer,
        *,
        tls: ssl.SSLContext | None = None,
        greet: bool = False,
    ) -> AsyncGenerator[None]:
        """Serve `answer` to whoever connects; at once, not after a request, if `greet`."""
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                    if not greet:
                        self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
                    if isinstance(answer, bytes):
                        writer.write(answer)
                        await writer.drain()
                    else:
                        await answer(writer)
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        self._ports[address, port] = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            del self._ports[address, port]
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.wait_closed()

    def fetcher(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver | None = None,
        stubbed: bool = True,
        **settings: Any,
    ) -> URLFetcher:
        return URLFetcher(
            ImageSettings(**settings),
            resolver=resolver or self,
            network=self if stubbed else httpcore.AnyIOBackend(),
            ssl_context=tls or TRUSTS_NOBODY,
        )

    async def fetch(self, url: str, **options: Any) -> bytes:
        """Return the body behind `url`; `options` are those of `fetcher`."""
        async with self.fetcher(**options).fetched(ImageReference(url, PARAM)) as image:
            assert image.param == PARAM
            return image.data
