"""Request of the plan → bytes of an HTTP request.

Bodies are joined from prepared pieces: JSON is encoded once for each model and form, base64 once
for each picture.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult

import numpy as np

from benchmarks.scenario import Requests, Text
from benchmarks.workload.pictures import paint
from benchmarks.workload.prompts import read_prompts

PATHS = {"chat": "/v1/chat/completions", "completions": "/v1/completions"}
_TEXT, _PICTURE = "@@text@@", "@@picture{}@@"
_PROMPT, _OUTPUT_TOKENS = "@@prompt@@", "@@output tokens@@"
_SYLLABLES = ["ba", "ko", "li", "mer", "no", "ra", "sun", "ti", "ul", "ves", "wo", "zen"]


class Bodies:
    """Builds requests for one endpoint.

    `headers` are whole header lines. A round numbers at most `per_round` requests. Raises what
    `read_prompts` does.
    """

    def __init__(
        self,
        requests: Requests,
        url: SplitResult,
        *,
        headers: Sequence[str],
        seed: int,
        per_round: int,
    ) -> None:
        self._requests, self._seed = requests, seed
        self._head = _head(requests, url, headers)
        self._prompts = None
        if requests.prompts is not None:
            self._prompts = read_prompts(requests.prompts, seed=seed, per_round=per_round)
        self._pictures: dict[int, bytes] = {}
        self._templates = {
            (model, streamed): _template(requests, model, streamed)
            for model in range(len(requests.models))
            for streamed in (False, True)
        }

    def prepare(self, pictures: dict[int, int]) -> None:
        """Paint pictures, given as kind by number, and drop all others."""
        kinds = self._requests.pictures.kinds if self._requests.pictures else ()
        self._pictures = {
            number: self._pictures.get(number)
            or _data_url(paint(kinds[kind], seed=self._seed, number=number), kinds[kind].format)
            for number, kind in pictures.items()
        }

    def request(self, *, index: int, model: int, streamed: bool, pictures: list[int]) -> bytes:
        """Return head and body of request number `index`."""
        fills = {_PICTURE.format(i): self._pictures[number] for i, number in enumerate(pictures)}
        if self._requests.text is not None:
            fills[_TEXT] = _words(self._requests.text, self._seed, index)
        if self._prompts is not None:
            asked = self._prompts.of(index)
            fills[_quoted(_PROMPT)] = asked.prompt
            if asked.output_tokens is not None:
                fills[_quoted(_OUTPUT_TOKENS)] = b"%d" % asked.output_tokens
        template = self._templates[model, streamed]
        body = b"".join(fills[piece] if isinstance(piece, str) else piece for piece in template)
        return b"%s%d\r\n\r\n%s" % (self._head, len(body), body)


def _head(requests: Requests, url: SplitResult, headers: Sequence[str]) -> bytes:
    base = url.path.rstrip("/").removesuffix("/v1")
    lines = [
        f"POST {base}{PATHS[requests.endpoint]} HTTP/1.1",
        f"Host: {url.netloc}",
        "Content-Type: application/json",
        *(["x-stage-times: 1"] if requests.stage_times else []),
        *headers,
        "Content-Length: ",
    ]
    return "\r\n".join(lines).encode()


def _template(requests: Requests, model: int, streamed: bool) -> list[bytes | str]:
    """Return a body's fixed bytes and, as strings, the names of its placeholders."""
    text = json.dumps(_body(requests, model, streamed), separators=(",", ":"))
    per_request = requests.pictures.per_request if requests.pictures else 0
    names = [_TEXT, *(_PICTURE.format(i) for i in range(per_request))]
    names += [_quoted(_PROMPT), _quoted(_OUTPUT_TOKENS)]  # replaced by values that are no strings
    pieces: list[bytes | str] = []
    while found := [(text.index(name), name) for name in names if name in text]:
        at, name = min(found)
        pieces += [text[:at].encode(), name]
        text = text[at + len(name) :]
    return [*pieces, text.encode()]


def _body(requests: Requests, model: int, streamed: bool) -> dict[str, Any]:
    text = requests.text
    words = None if text is None else f"{text.before}{_TEXT}{text.after}"
    if requests.prompts is not None:
        words = _PROMPT
    per_request = requests.pictures.per_request if requests.pictures else 0
    urls = [_PICTURE.format(i) for i in range(per_request)]
    body: dict[str, Any] = {"model": requests.models[model].name}
    if requests.endpoint == "completions":
        body |= {"prompt": words or "", "image": urls[0] if urls else None}
    elif urls:
        parts: list[dict[str, Any]] = [{"type": "text", "text": words}] if words else []
        parts += [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        body["messages"] = [{"role": "user", "content": parts}]
    else:
        body["messages"] = [{"role": "user", "content": words}]
    body |= {
        "max_tokens": requests.max_tokens,
        "temperature": requests.temperature,
        "n": requests.n if requests.n > 1 else None,
    }
    if requests.prompts is not None and requests.prompts.has_output_tokens:
        body |= {"max_tokens": _OUTPUT_TOKENS, "ignore_eos": True}
    if streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return {key: value for key, value in body.items() if value is not None} | requests.body


def _quoted(name: str) -> str:
    return f'"{name}"'


def _words(text: Text, seed: int, index: int) -> bytes:
    draw = np.random.default_rng((seed, index))
    count = int(draw.integers(text.min_words, text.max_words + 1))
    picks = draw.integers(0, len(_SYLLABLES), (count, 2))
    return " ".join(_SYLLABLES[a] + _SYLLABLES[b] for a, b in picks).encode()


def _data_url(picture: bytes, picture_format: str) -> bytes:
    return b"data:image/%s;base64,%s" % (picture_format.encode(), base64.b64encode(picture))
