"""Request bytes → `Sample`, over a pool of keep-alive connections.

Not here: send times (loops), contents (workload.bodies).
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from urllib.parse import SplitResult

from benchmarks.load.connection import Connection
from benchmarks.load.exchange import Exchange
from benchmarks.load.sample import Outcome, Sample

Now = Callable[[], float]
"""Seconds from the start of the round."""


def clock(start_s: float) -> Now:
    """Return the time since `start_s` of `time.monotonic`, which all processes share.

    The event loop's own clock is too coarse: uvloop's counts in whole milliseconds.
    """
    return lambda: time.monotonic() - start_s


class Client:
    """Sends requests; at most `max_in_flight` at a time, the others wait."""

    def __init__(self, url: SplitResult, *, now: Now, timeout_s: float, max_in_flight: int) -> None:
        self._url, self._now, self._timeout_s = url, now, timeout_s
        self._slots = asyncio.Semaphore(max_in_flight)
        self._ssl = ssl.create_default_context() if url.scheme == "https" else None
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self.in_flight = 0
        self.waited = 0

    async def send(self, request: Callable[[], bytes], sample: Sample) -> Sample:
        """Send one request and fill in its sample; failures are recorded there, not raised.

        The timeout counts from the time the request was due.
        """
        if self._slots.locked():
            self.waited += 1
        async with self._slots:
            self.in_flight += 1
            exchange = Exchange(sample, self._now)
            left_s = sample.scheduled_s + self._timeout_s - self._now()
            timer = asyncio.get_running_loop().call_later(
                max(0.0, left_s), exchange.end, Outcome.TIMEOUT
            )
            connection = None
            try:
                if left_s > 0:  # else the timer ends it at once
                    connection = await self._connection(left_s)
                if connection is not None and not exchange.finished.done():
                    data = request()
                    sample.sent_bytes, sample.sent_s = len(data), self._now()
                    connection.send(data, exchange)
                await exchange.finished
            except OSError as error:  # includes TimeoutError
                exchange.end(Outcome.CONNECT, str(error) or type(error).__name__)
            finally:
                timer.cancel()
                self.in_flight -= 1
                self._put_back(connection)
        return sample

    def close(self) -> None:
        """End all connections."""
        for connection in self._open:
            connection.close()
        self._open.clear()
        self._idle.clear()

    async def _connection(self, left_s: float) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            self._open.discard(connection)
        host, port = self._url.hostname or "", self._url.port or (443 if self._ssl else 80)
        loop = asyncio.get_running_loop()
        opening = loop.create_connection(Connection, host, port, ssl=self._ssl)
        _, connection = await asyncio.wait_for(opening, left_s)
        self._open.add(connection)
        return connection

    def _put_back(self, connection: Connection | None) -> None:
        if connection is None:
            return
        if connection.usable:
            self._idle.append(connection)
        else:
            connection.close()
            self._open.discard(connection)
