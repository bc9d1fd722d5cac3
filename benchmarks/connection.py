"""One keep-alive HTTP/1.1 connection: request bytes out, an answer's pieces in.

A bare asyncio protocol over httptools: on the machine it was written on it carries several
times what a general client library does (benchmarks/README.md), which leaves the cores to the
server that is measured. Not here: what an answer means (exchange), how many connections there
are (client).
"""

import asyncio
from typing import Protocol, cast

import httptools


class Receiver(Protocol):
    """Takes one answer."""

    def on_status(self, status: int) -> None:
        """Take the status, before any data."""
        ...

    def on_data(self, data: bytes) -> None:
        """Take a piece of the body."""
        ...

    def on_complete(self) -> None:
        """Take note that the body is complete; the connection is free again."""
        ...

    def on_broken(self, why: str) -> None:
        """Take note that nothing more will come and the answer is not complete.

        `why` is empty if the connection just ended.
        """
        ...


class Connection(asyncio.Protocol):
    """Carries one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._receiver: Receiver | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._keep_alive = True

    @property
    def usable(self) -> bool:
        """Whether another request can be sent."""
        return self._keep_alive and self._transport is not None and self._receiver is None

    def send(self, request: bytes, receiver: Receiver) -> None:
        """Send a request; its answer goes to the receiver."""
        if self._transport is None:
            receiver.on_broken("")
            return
        self._receiver = receiver
        self._transport.write(request)

    def close(self) -> None:
        """End the connection now; an unfinished answer is forgotten."""
        self._keep_alive, self._receiver = False, None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._transport = None
        self._break("")

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            # Errors of our own callbacks arrive wrapped: they are ours, not the server's.
            if isinstance(error, httptools.HttpParserCallbackError) and error.__context__:
                raise
            self._break(f"not HTTP: {error}")

    def on_headers_complete(self) -> None:
        """See httptools."""
        if self._receiver is not None:
            self._receiver.on_status(self._parser.get_status_code())

    def on_body(self, body: bytes) -> None:
        """See httptools."""
        if self._receiver is not None:
            self._receiver.on_data(body)

    def on_message_complete(self) -> None:
        """See httptools."""
        self._keep_alive = self._parser.should_keep_alive()
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.on_complete()
        if not self._keep_alive:
            self.close()

    def _break(self, why: str) -> None:
        receiver, self._receiver = self._receiver, None
        self.close()
        if receiver is not None:
            receiver.on_broken(why)
