"""Target → addresses → a connection to one of them: the two places where I/O can go wrong.

Both are seams: tests can resolve names as they like and see where connections go.
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import httpcore

_MAX_ADDRESSES_TRIED = 4


class Resolver(Protocol):
    """Host name → addresses."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return every address of the name, best first. Raises `OSError`."""
        ...


class SystemResolver:
    """Asks the operating system, in threads of its own.

    `getaddrinfo` blocks and cannot be cancelled. In the event loop's shared executor a few slow
    name servers would hold up all other blocking calls.
    """

    def __init__(self, threads: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="image-dns")

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Return every address of the name, best first. Raises `OSError`."""
        try:
            answers = asyncio.get_running_loop().run_in_executor(
                self._executor, _getaddrinfo, host, port
            )
        except RuntimeError as error:
            raise OSError("the resolver is closed") from error
        return await answers

    def close(self) -> None:
        """Release the threads, without waiting for any."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _getaddrinfo(host: str, port: int) -> list[str]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in answers]


class PinnedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to the given addresses only, whatever host it is asked for.

    TLS and the Host header still go by the name: httpcore takes those from the request.
    """

    def __init__(
        self, network: httpcore.AsyncNetworkBackend, addresses: Sequence[str], deadline_s: float
    ) -> None:
        self._network = network
        self._addresses = addresses[:_MAX_ADDRESSES_TRIED]
        self._deadline_s = deadline_s
        self._stream: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a stream to the first address that answers.

        A silent address may use up only its share of the time left.
        """
        failure: Exception = httpcore.ConnectError("no address")
        for tried, address in enumerate(self._addresses):
            left_s = self._deadline_s - asyncio.get_running_loop().time()
            share_s = max(left_s, 0.0) / (len(self._addresses) - tried)
            try:
                self._stream = await self._network.connect_tcp(
                    address, port, share_s, local_address, socket_options
                )
                return self._stream
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def aclose(self) -> None:
        """Close the stream, also one that httpcore lost when it was cancelled during TLS."""
        if self._stream is not None:
            await self._stream.aclose()
