"""One picture → its caption, through a running service over HTTP."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from caption_studio.client.pictures import Picture, PictureFailed

TIMEOUT_S = 130.0
"""A little over the service's own deadline, so that the service's error arrives first."""

CONNECT_TIMEOUT_S = 10.0
PATIENCE_S = 120.0
"""Time in which a picture is retried while the service is full or starting."""

MAX_PAUSE_S = 10.0
_TRY_AGAIN = frozenset({429, 503})
_LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1", re.IGNORECASE | re.ASCII)


class AllFail(PictureFailed):
    """A failure that every picture would have: no service, a wrong key, an unknown model."""


@dataclass(frozen=True, slots=True)
class Caption:
    """The service's answer for one picture; `extra` is the rest of `caption_studio`."""

    text: str
    model: str
    description: str | None
    extra: dict[str, Any]


def service_url(given: str) -> str:
    """Return the address without `/v1`, with its scheme. Raises `ValueError`."""
    url = given if "://" in given else f"http://{given}"
    url = url.rstrip("/").removesuffix("/v1").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError(f"{given} is no address of a service")
    return url


class Service:
    """A client of the service at `url`, in the form that `service_url` returns."""

    def __init__(self, url: str, *, model: str | None, api_key: str | None, in_flight: int) -> None:
        self._url = url
        self._model = model
        self._all_fail: AllFail | None = None
        self._http = httpx.AsyncClient(
            headers={} if api_key is None else {"Authorization": f"Bearer {api_key}"},
            timeout=httpx.Timeout(TIMEOUT_S, connect=CONNECT_TIMEOUT_S, pool=None),
            limits=httpx.Limits(max_connections=in_flight),
            trust_env=takes_proxy(url),
        )

    async def __aenter__(self) -> "Service":
        """Return itself; its connections are opened as they are needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def caption(self, picture: Picture, *, max_tokens: int | None = None) -> Caption:
        """Return the picture's caption, of `max_tokens` at most if that is given.

        Raises `PictureFailed`, or `AllFail` now and ever after.
        """
        content = [{"type": "image_url", "image_url": {"url": picture.url()}}]
        if self._all_fail is not None:
            raise self._all_fail
        body: dict[str, object] = {"messages": [{"role": "user", "content": content}]}
        if self._model is not None:
            body["model"] = self._model
        if max_tokens is not None:
            body["max_tokens"] = max_tokens
        try:
            answer = await self._ask_patiently(body)
            if answer.status_code != 200:
                raise await self._refusal(answer)
        except AllFail as error:
            self._all_fail = error
            raise
        return _caption(answer)

    async def _ask_patiently(self, body: dict[str, object]) -> httpx.Response:
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + PATIENCE_S
        while True:
            answer = await self._send("POST", "/v1/chat/completions", body)
            pause_s = _pause_s(answer)
            if answer.status_code not in _TRY_AGAIN or loop.time() + pause_s > ends_s:
                return answer
            await asyncio.sleep(pause_s)

    async def _send(self, method: str, path: str, body: object = None) -> httpx.Response:
        try:
            return await self._http.request(method, self._url + path, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise AllFail(
                f"no service answers at {self._url}. Start one with `caption-studio serve`, or "
                "name its address with --url"
            ) from error
        except httpx.TimeoutException as error:
            raise PictureFailed(f"no answer within {TIMEOUT_S:.0f} s") from error
        except httpx.HTTPError as error:
            raise PictureFailed(f"the connection to {self._url} broke off") from error

    async def _refusal(self, answer: httpx.Response) -> PictureFailed:
        message, code = told(answer)
        if code == "model_not_found":
            return AllFail(await self._with_known_models(message))
        if code == "invalid_api_key":
            return AllFail(f"{message} Give it with --api-key or CAPTION_STUDIO_API_KEY")
        if code is None and answer.status_code in (301, 302, 307, 308, 404, 405):
            return AllFail(
                f"{self._url} is no captioning service: HTTP status {answer.status_code}"
            )
        return PictureFailed(message)

    async def _with_known_models(self, message: str) -> str:
        """Add the existing models to the message, if it does not name them already."""
        try:
            answer = await self._send("GET", "/v1/models")
            ids = [str(model["id"]) for model in answer.json()["data"]]
        except (PictureFailed, ValueError, KeyError, TypeError):
            return message
        return (
            message if all(i in message for i in ids) else f"{message} There are: {', '.join(ids)}"
        )


def can_be_sent(key: str) -> bool:
    """Return whether a header can hold the key: visible ASCII characters."""
    return key.isascii() and key.isprintable()


def client_of(url: str, key: str | None, timeout_s: float) -> httpx.Client:
    """Return a client for single calls to the service at `url`."""
    return httpx.Client(
        base_url=url,
        headers={} if key is None else {"Authorization": f"Bearer {key}"},
        timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
        trust_env=takes_proxy(url),
    )


def takes_proxy(url: str) -> bool:
    """Return whether a proxy of the environment may be used: not to this machine's services."""
    return not _LOOPBACK.fullmatch(urlsplit(url).hostname or "")


def _pause_s(answer: httpx.Response) -> float:
    stated = answer.headers.get("retry-after", "")
    return min(float(stated), MAX_PAUSE_S) if stated.isascii() and stated.isdigit() else 1.0


def told(answer: httpx.Response) -> tuple[str, str | None]:
    """Return message and code; the code is None if the answer is not from our service."""
    try:
        error = answer.json()["error"]
        return str(error["message"]), str(error["code"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {answer.status_code}", None


def _caption(answer: httpx.Response) -> Caption:
    try:
        value = answer.json()
        extra = dict(value.get("caption_studio") or {})
        text, model = value["choices"][0]["message"]["content"], value["model"]
        return Caption(str(text), str(model), extra.pop("description", None), extra)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise PictureFailed("the service answered with something that is no caption") from error
