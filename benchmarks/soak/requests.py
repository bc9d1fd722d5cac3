"""Each kind of request that a service gets, and its right answers."""

import asyncio
import base64
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks.soak.pictures import picture

MODELS = ("caption-demo", "caption-demo-plain", "falcon-demo")
ADAPTER_SOURCE = "embedded:caption-demo-plain"
SCHEMA = {
    "type": "object",
    "properties": {"caption": {"type": "string", "maxLength": 80}},
    "required": ["caption"],
    "additionalProperties": False,
}
CHAT, COMPLETIONS, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"
ADAPTERS = "/v1/admin/adapters"


@dataclass(frozen=True)
class Keys:
    """Keys of an ordinary caller, of one with a very low limit, and of an administrator."""

    caller: str
    frugal: str
    admin: str


class Callers:
    """Sends requests; each method sends one kind and returns `right` or the wrong outcome."""

    def __init__(self, http: httpx.AsyncClient, keys: Keys, pictures: str, seed: int) -> None:
        self._http = http
        self._keys = keys
        self._pictures = pictures
        self._draw = random.Random(seed)
        self._numbers = itertools.count()
        self._deck: list[Kind] = []

    async def ask(self) -> tuple[str, str]:
        """Send a request of some kind; return the kind, and `right` or the wrong outcome.

        Kinds are dealt like cards: a whole deck has each kind as often as its weight.
        """
        if not self._deck:
            self._deck = [kind for kind in KINDS for _ in range(kind.weight)]
            self._draw.shuffle(self._deck)
        kind = self._deck.pop()
        try:
            return kind.name, await kind.send(self)
        except httpx.HTTPError as error:
            return kind.name, type(error).__name__

    async def chat(self) -> str:
        """A caption from a data URL, whole."""
        return await self._post(CHAT, await self._captioned())

    async def several(self) -> str:
        """Three captions of one picture."""
        return await self._post(CHAT, {**await self._captioned(), "n": 3})

    async def structured(self) -> str:
        """A caption as JSON."""
        wanted = {"type": "json_schema", "json_schema": {"name": "caption", "schema": SCHEMA}}
        return await self._post(CHAT, {**await self._captioned(), "response_format": wanted})

    async def by_url(self) -> str:
        """A caption of a picture that the service fetches."""
        url = f"http://{self._pictures}/{next(self._numbers)}-{self._draw.random()}"
        return await self._post(COMPLETIONS, {"model": self._model(), "image": url})

    async def upload(self) -> str:
        """A caption of an uploaded file."""
        data, media_type = await self._picture()
        answer = await self._http.post(
            COMPLETIONS,
            files={"image": ("picture", data, media_type)},
            data={"model": self._model()},
            headers=_bearer(self._keys.caller),
        )
        return _right(answer, 200)

    async def text(self) -> str:
        """A continuation of a text."""
        prompt = f"A walk of {self._draw.randrange(10**6)} steps begins with"
        return await self._post(COMPLETIONS, {"model": self._model(), "prompt": prompt})

    async def response(self) -> str:
        """The newer endpoint."""
        item = {"type": "input_image", "image_url": await self._data_url()}
        body = {"model": self._model(), "input": [{"role": "user", "content": [item]}]}
        return await self._post(RESPONSES, {**body, "store": False})

    async def stream(self) -> str:
        """A streamed caption, read to its end."""
        body = {**await self._captioned(), "stream": True}
        async with self._open(CHAT, body) as answer:
            last = ""
            async for line in answer.aiter_lines():
                last = line or last
        return "right" if last == "data: [DONE]" else f"{answer.status_code}, ended {last[:200]}"

    async def leave_a_stream(self) -> str:
        """A streamed answer whose caller leaves after the first events."""
        body = {**await self._captioned(), "stream": True, "max_tokens": 256, "ignore_eos": True}
        async with self._open(CHAT, body) as answer:
            lines = answer.aiter_lines()
            first = await anext(lines, "")
        return "right" if answer.status_code == 200 else f"{answer.status_code} {first[:200]}"

    async def leave_a_caption(self) -> str:
        """A whole answer whose caller does not wait for it."""
        body = {**await self._captioned(), "max_tokens": 256, "ignore_eos": True}
        try:
            async with asyncio.timeout(self._draw.uniform(0.0, 0.3)):
                await self._post(CHAT, body)
        except TimeoutError:
            return "right"
        return "right"

    async def broken_picture(self) -> str:
        """A file that is cut off in its middle."""
        data, media_type = await self._picture()
        cut = base64.b64encode(data[: len(data) // 2 - 16] + bytes(16)).decode()
        body = {"model": self._model(), "image": f"data:{media_type};base64,{cut}"}
        return await self._post(COMPLETIONS, body, 400, 200)  # some formats survive it

    async def no_picture(self) -> str:
        """A file that is not a picture."""
        noise = base64.b64encode(self._draw.randbytes(5000)).decode()
        return await self._post(COMPLETIONS, {"image": f"data:image/png;base64,{noise}"}, 400)

    async def gone(self) -> str:
        """A URL that answers 404."""
        return await self._post(COMPLETIONS, {"image": f"http://{self._pictures}/gone"}, 400)

    async def forbidden(self) -> str:
        """A URL of the machine's own network."""
        return await self._post(COMPLETIONS, {"image": "http://10.0.0.1/a.png"}, 400)

    async def malformed(self) -> str:
        """A body that is not JSON."""
        headers = {**_bearer(self._keys.caller), "content-type": "application/json"}
        return _right(await self._http.post(CHAT, content=b'{"model": ', headers=headers), 400)

    async def unknown_model(self) -> str:
        """A model that does not exist."""
        name = f"nobody-{next(self._numbers)}"
        return await self._post(COMPLETIONS, {"model": name, "prompt": "a"}, 404)

    async def stranger(self) -> str:
        """An unknown key."""
        answer = await self._http.get(
            "/v1/models", headers=_bearer(f"stranger-{next(self._numbers):020}")
        )
        return _right(answer, 401)

    async def frugal(self) -> str:
        """A caller who exceeds its key's limit."""
        body = {"model": self._model(), "prompt": "a", "max_tokens": 1}
        answer = await self._http.post(COMPLETIONS, json=body, headers=_bearer(self._keys.frugal))
        return _right(answer, 200, 429)

    async def adapter(self) -> str:
        """An adapter that is added, answers, and is removed."""
        name, admin = f"late-{next(self._numbers)}", _bearer(self._keys.admin)
        added = await self._http.post(
            ADAPTERS, json={"id": name, "source": ADAPTER_SOURCE}, headers=admin
        )
        if (came := _right(added, 201)) != "right":
            return came
        answered = await self._post(COMPLETIONS, {"model": name, "prompt": "a"})
        removed = await self._http.delete(f"{ADAPTERS}/{name}", headers=admin)
        return answered if answered != "right" else _right(removed, 200)

    async def look(self) -> str:
        """The requests of monitors."""
        for path in ("/healthz", "/readyz", "/metrics", "/v1/models"):
            answer = await self._http.get(path, headers=_bearer(self._keys.caller))
            if (came := _right(answer, 200)) != "right":
                return f"{path}: {came}"
        return "right"

    async def _captioned(self) -> dict[str, Any]:
        content = [{"type": "image_url", "image_url": {"url": await self._data_url()}}]
        return {"model": self._model(), "messages": [{"role": "user", "content": content}]}

    async def _data_url(self) -> str:
        data, media_type = await self._picture()
        return f"data:{media_type};base64,{base64.b64encode(data).decode()}"

    async def _picture(self) -> tuple[bytes, str]:
        return await asyncio.to_thread(picture, random.Random(self._draw.random()))

    def _model(self) -> str:
        return self._draw.choice(MODELS)

    async def _post(self, path: str, body: dict[str, Any], *right: int) -> str:
        answer = await self._http.post(path, json=body, headers=_bearer(self._keys.caller))
        return _right(answer, *(right or (200,)))

    def _open(self, path: str, body: dict[str, Any]) -> Any:
        return self._http.stream("POST", path, json=body, headers=_bearer(self._keys.caller))


@dataclass(frozen=True)
class Kind:
    """One kind of request, and how often it comes in relation to the others."""

    name: str
    send: Callable[[Callers], Awaitable[str]]
    weight: int


def _kind(send: Callable[[Callers], Awaitable[str]], weight: int) -> Kind:
    return Kind(send.__name__.replace("_", " "), send, weight)


KINDS = (
    _kind(Callers.chat, 20),
    _kind(Callers.several, 4),
    _kind(Callers.structured, 3),
    _kind(Callers.by_url, 10),
    _kind(Callers.upload, 10),
    _kind(Callers.text, 10),
    _kind(Callers.response, 6),
    _kind(Callers.stream, 15),
    _kind(Callers.leave_a_stream, 5),
    _kind(Callers.leave_a_caption, 5),
    _kind(Callers.broken_picture, 2),
    _kind(Callers.no_picture, 2),
    _kind(Callers.gone, 1),
    _kind(Callers.forbidden, 1),
    _kind(Callers.malformed, 2),
    _kind(Callers.unknown_model, 2),
    _kind(Callers.stranger, 1),
    _kind(Callers.frugal, 3),
    _kind(Callers.adapter, 1),
    _kind(Callers.look, 2),
)


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def _right(answer: httpx.Response, *statuses: int) -> str:
    if answer.status_code in statuses:
        return "right"
    return f"{answer.status_code} {answer.text[:200]}"
