"""One keep-alive HTTP/1.1 connection: request bytes out, an answer's pieces in.

A bare asyncio protocol over httptools. On the machine where it was written it carries several times
as many requests as a general client library (benchmarks/README.md), which leaves the cores to the
measured server. Not here: the meaning of an answer (exchange), the number of connections (client).
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
        """Note that the body is complete; the connection is free again."""
        ...

    def on_broken(self, why: str) -> None:
        """Note that the answer ended before it was complete.

        `why` is empty if the connection closed without an error.
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
        """Close the connection now; an unfinished answer is dropped."""
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
            # httptools wraps our own callbacks' errors; they are not the server's.
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
