"""The other end of tests/service_app.py: an internet that tests play for the running service.

Names and addresses are made up; every connection is to a real socket on 127.0.0.1.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal

from tests.unit.images.internet import Internet


class StandIn:
    """One `Internet` at a time, for tests that are not async; `portal` runs its sockets."""

    def __init__(self, portal: BlockingPortal) -> None:
        self._portal = portal
        self._internet = Internet()

    def renew(self) -> None:
        """Forget all names, sites and what was asked."""
        self._internet = Internet()

    def knows(self, host: str, *answers: list[str]) -> None:
        """Let the name have these successive answers, the last of which is repeated."""
        self._internet.names[host] = list(answers)

    def is_silent(self, address: str) -> None:
        """Never answer a connection to the address."""
        self._internet.silent.add(address)

    def site(self, *args: Any, **options: Any) -> AbstractContextManager[None]:
        """See `Internet.site`."""
        return self._portal.wrap_async_context_manager(self._internet.site(*args, **options))

    @property
    def asked(self) -> list[str]:
        return self._internet.asked

    @property
    def connected(self) -> list[tuple[str, int]]:
        return self._internet.connected

    @property
    def requests(self) -> list[str]:
        return self._internet.requests

    @asynccontextmanager
    async def answering(self, path: Path) -> AsyncIterator[None]:
        """Answer the service's questions at the Unix socket `path`."""
        server = await asyncio.start_unix_server(self._converse, path)
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if line := await reader.readline():
                writer.write(json.dumps(await self._answer(*json.loads(line))).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass  # the service gave the fetch up
        finally:
            writer.close()

    async def _answer(self, question: str, host: str, port: int) -> Any:
        """Return a name's addresses, or the local port, "silent" or None for an address."""
        internet = self._internet
        if question == "resolve":
            try:
                return list(await internet.resolve(host, port))
            except OSError:
                return None
        internet.connected.append((host, port))
        if host in internet.silent:
            return "silent"
        try:
            return internet.local_port(host, port)
        except KeyError:
            return None
