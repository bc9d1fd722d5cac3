"""What all hostile cases share: bodies, what a refusal looks like, bytes on the wire."""

import base64
import re
import socket
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.pictures import image_part

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"
URL_PARAM = "messages[0].content[0].image_url.url"
JSON = {"content-type": "application/json"}

# Traces of our insides: paths, addresses, exceptions and the names of what we are built on.
INSIDES = re.compile(
    r"Traceback|Error\b|Exception|\.py\b|/work|/root|/tmp|/usr|/home|site-packages|0x[0-9a-f]{6}"
    r"|\b\d{1,3}(\.\d{1,3}){3}\b|::|\binternal\b|\bsecret\b|\.example"
    r"|ray\b|vllm|torch|pillow|pydantic|httpcore|uvicorn|starlette",
    re.IGNORECASE,
)


def chat(url: str, **fields: Any) -> dict[str, Any]:
    """The smallest request about one picture."""
    content = [image_part(url)]
    return {"messages": [{"role": "user", "content": content}], "max_tokens": 1, **fields}


def data_url(data: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def refused(answer: httpx.Response, status: int, code: str | None, param: str | None = None) -> str:
    """Check every part of a refusal and return its message."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.headers.get_list("x-request-id")) == 1
    body = answer.json()
    assert body.keys() == {"error"}
    error = body["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["code"], error["param"]) == (code, param)
    own_fault = status >= 500 or code == "overloaded"
    assert error["type"] == ("server_error" if own_fault else "invalid_request_error")
    message = str(error["message"])
    assert message
    own_words = message.replace(param, "") if param else message  # the caller's: a field's name
    assert not INSIDES.search(own_words), message
    return message


def captioned(answer: httpx.Response) -> None:
    """Check that a picture was described and a caption begun."""
    assert answer.status_code == 200, answer.text
    value = answer.json()
    assert isinstance(value["caption_studio"]["description"], str)
    assert value["usage"]["completion_tokens"] == 1


class Wire:
    """A connection on which a test decides every byte."""

    def __init__(self, url: str, *, timeout_s: float = 20.0) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self.socket = socket.create_connection((parts.hostname, parts.port or 80), timeout_s)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def answer(self) -> httpx.Response:
        """Return the next response; it must state its length, as all of ours do."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._receive()
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = [tuple(line.split(": ", 1)) for line in lines]
        length = int(httpx.Headers(headers)["content-length"])
        while len(body) < length:
            body += self._receive()
        assert len(body) == length, "something follows the answer"
        return httpx.Response(int(first.split()[1]), headers=headers, content=body)

    def rest(self) -> bytes:
        """Return what comes until the other side closes, however it does."""
        received = b""
        try:
            while piece := self.socket.recv(65536):
                received += piece
        except ConnectionError:
            pass
        return received

    def _receive(self) -> bytes:
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("closed before the answer was whole")
        return piece


def post_head(*headers: str, path: str = CHAT, content_type: str = "application/json") -> bytes:
    """The head of a POST, without what says how long its body is."""
    lines: Iterable[str] = (
        f"POST {path} HTTP/1.1",
        "host: localhost",
        f"content-type: {content_type}",
        *headers,
    )
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
