"""Address and key → an HTTP client for many calls; a call → its whole answer, within bounds."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from caption_studio.client.service import CONNECT_TIMEOUT_S, takes_proxy

ANSWER_TIMEOUT_S = 120.0
MAX_ANSWER_BYTES = 4 * 2**20
_OF_THE_TRANSFER = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class AnswerTooLong(Exception):
    """The answer has more than `MAX_ANSWER_BYTES`."""


def key_in_environment(variables: Sequence[str]) -> str | None:
    """Return the first of these variables that is set and not empty."""
    return next(filter(None, map(os.environ.get, variables)), None)


def http_client(url: str, key: str | None, in_flight: int) -> httpx.AsyncClient:
    """Return a client with the key in its headers, and `in_flight` connections at most."""
    return httpx.AsyncClient(
        headers={} if key is None else {"Authorization": f"Bearer {key}"},
        timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S, pool=None),
        limits=httpx.Limits(max_connections=in_flight),
        trust_env=takes_proxy(url),
    )


async def whole_answer(
    http: httpx.AsyncClient, url: str, body: Mapping[str, Any], within_s: float
) -> httpx.Response:
    """Post the body as JSON; return the answer, read to its end and decompressed.

    The client's own timeouts are for one wait each: an answer of a byte now and then passes them.
    Raises `TimeoutError`, `AnswerTooLong` or `httpx.HTTPError`.
    """
    content = bytearray()
    async with asyncio.timeout(within_s), http.stream("POST", url, json=body) as answer:
        async for piece in answer.aiter_bytes():
            content += piece
            if len(content) > MAX_ANSWER_BYTES:
                raise AnswerTooLong
    items = answer.headers.multi_items()
    headers = [(name, text) for name, text in items if name not in _OF_THE_TRANSFER]
    return httpx.Response(answer.status_code, headers=headers, content=bytes(content))
