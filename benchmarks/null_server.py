"""A server that answers at once, so that the client's own ceiling can be measured.

`python -m benchmarks.null_server PORT`. It reads each request to its end and sends one of two
prepared answers: whole, or streamed in `STREAM_TOKENS` events, each in its own write.
"""

import asyncio
import json
import sys
from typing import Any, cast

import httptools
import uvloop

STREAM_TOKENS = 20
_USAGE = {"prompt_tokens": 20, "completion_tokens": STREAM_TOKENS, "total_tokens": 40}
_COMMON = {"id": "chatcmpl-null", "created": 0, "model": "null"}


def _whole() -> bytes:
    message = {"role": "assistant", "content": "word " * STREAM_TOKENS}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    value = _COMMON | {"object": "chat.completion", "choices": [choice], "usage": _USAGE}
    body = json.dumps(value).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


def _streamed() -> list[bytes]:
    """Return the bytes of each write."""
    deltas: list[dict[str, Any]] = [{"delta": {"role": "assistant", "content": ""}}]
    deltas += [{"delta": {"content": "word "}} for _ in range(STREAM_TOKENS)]
    deltas += [{"delta": {}, "finish_reason": "stop"}]
    common = _COMMON | {"object": "chat.completion.chunk"}
    values = [common | {"choices": [{"index": 0, "finish_reason": None} | d]} for d in deltas]
    values.append(common | {"choices": [], "usage": _USAGE})
    events = [f"data: {json.dumps(value)}\n\n".encode() for value in values]
    events.append(b"data: [DONE]\n\n")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
    return [head + b"\r\n", *(b"%x\r\n%s\r\n" % (len(e), e) for e in events), b"0\r\n\r\n"]


WHOLE, STREAMED = _whole(), _streamed()


class NullProtocol(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._streamed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """See httptools; our client writes the sign at the body's end."""
        self._streamed = self._streamed or b'"stream":true' in body[-200:]

    def on_message_complete(self) -> None:
        """See httptools."""
        if not self._streamed:
            self._transport.write(WHOLE)
            return
        self._streamed = False
        for piece in STREAMED:
            self._transport.write(piece)


async def serve(port: int) -> None:
    """Serve on loopback until cancelled."""
    server = await asyncio.get_running_loop().create_server(NullProtocol, "127.0.0.1", port)
    print(f"Listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        uvloop.run(serve(int(sys.argv[1])))
    except KeyboardInterrupt:
        pass
