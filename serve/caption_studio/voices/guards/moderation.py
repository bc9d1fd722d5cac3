"""Captions → the verdicts of a moderation endpoint of OpenAI's form.

The endpoint is the operator's choice, so its address needs none of the checks of callers' image
URLs. Source: https://platform.openai.com/docs/api-reference/moderations.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

_PATH = "/moderations"
_MAX_ANSWER_BYTES = 4 * 1024 * 1024


class ModerationFailed(Exception):
    """The endpoint gave no usable answer; the text names no address and no key."""


class Post(Protocol):
    """Sends a request and returns the body of a 200 answer. Raises `ModerationFailed`."""

    async def __call__(
        self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float
    ) -> bytes:
        """Send the body to the URL and return the answer's."""
        ...


@dataclass(frozen=True, slots=True)
class ModerationEndpoint:
    """An endpoint: the base URL or that of its `/moderations`."""

    url: str
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a caption is flagged, and the names of the categories that it is flagged for."""

    flagged: bool
    categories: tuple[str, ...] = ()


async def moderate(
    captions: Sequence[str], endpoint: ModerationEndpoint, post: Post
) -> tuple[Verdict, ...]:
    """Return a verdict for each caption, by one request. Raises `ModerationFailed`."""
    if not captions:
        return ()
    body: dict[str, object] = {"input": list(captions)}
    if endpoint.model is not None:
        body["model"] = endpoint.model
    headers = {"Content-Type": "application/json"}
    if endpoint.api_key is not None:
        headers["Authorization"] = f"Bearer {endpoint.api_key}"
    url = endpoint.url.rstrip("/").removesuffix(_PATH) + _PATH
    answer = await post(url, headers, json.dumps(body).encode(), endpoint.timeout_s)
    return parse_verdicts(answer, len(captions))


def parse_verdicts(answer: bytes, number: int) -> tuple[Verdict, ...]:
    """Read the answer's verdicts on so many captions. Raises `ModerationFailed`."""
    try:
        read = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise ModerationFailed("The moderation endpoint's answer is not JSON.") from error
    results = read.get("results") if isinstance(read, dict) else None
    if not isinstance(results, list):
        raise ModerationFailed("The moderation endpoint's answer has no list of results.")
    if len(results) != number:
        raise ModerationFailed(
            f"The moderation endpoint answered {len(results)} results to {number} captions."
        )
    return tuple(_verdict(result) for result in results)


class HTTPPost:
    """`Post` over HTTP; close it with `aclose`."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(transport=transport, follow_redirects=False)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __call__(
        self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float
    ) -> bytes:
        """Send the request and read its answer within `timeout_s`. Raises `ModerationFailed`."""
        request = self._http.stream("POST", url, headers=dict(headers), content=body, timeout=None)
        try:
            async with asyncio.timeout(timeout_s), request as answer:
                if answer.status_code != httpx.codes.OK:
                    raise ModerationFailed(
                        f"The moderation endpoint answered with HTTP status {answer.status_code}."
                    )
                return await _read(answer)
        except TimeoutError as error:
            raise ModerationFailed(
                f"The moderation endpoint did not answer within {timeout_s:g} s."
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ModerationFailed("The moderation endpoint cannot be reached.") from error


async def _read(answer: httpx.Response) -> bytes:
    read = bytearray()
    async for piece in answer.aiter_bytes():
        read += piece
        if len(read) > _MAX_ANSWER_BYTES:
            raise ModerationFailed("The moderation endpoint's answer is too long.")
    return bytes(read)


def _verdict(result: Any) -> Verdict:
    flagged = result.get("flagged") if isinstance(result, dict) else None
    if not isinstance(flagged, bool):
        raise ModerationFailed("A result of the moderation endpoint does not say if it is flagged.")
    categories = result.get("categories")
    if not isinstance(categories, dict):
        return Verdict(flagged)
    return Verdict(flagged, tuple(name for name, holds in categories.items() if holds is True))
