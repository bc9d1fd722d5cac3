"""Address and key → an HTTP client for many calls."""

import os
from collections.abc import Sequence

import httpx

from caption_studio.client.service import CONNECT_TIMEOUT_S, takes_proxy

ANSWER_TIMEOUT_S = 120.0


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
