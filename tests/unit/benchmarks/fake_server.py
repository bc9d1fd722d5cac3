"""A server whose delays and faults are known: what a benchmark must find out again.

The requested model's name says what happens; `ok` answers.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

TOKENS = 5
STAGES = {"decode": 0.25, "describe": 0.5, "generate": 1.0}
STATUSES = {"full": 429, "bad": 400, "down": 503, "moved": 302}


@dataclass
class FakeServer:
    """`first_s` before the first token, `gap_s` between tokens; keeps the bodies it was sent."""

    first_s: float = 0.0
    gap_s: float = 0.0
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    connections: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    answering: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not in the task: one that is cancelled before its first step would leave it open.
        self.connections += 1
        self.writers.append(writer)
        self.answering.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.split("content-length: ")[1].split("\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                self.headers.append(head)
                self.bodies.append(body)
                if not await self._answer(body, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        """Return whether the connection stays."""
        fault = body.get("model", "ok")
        if fault == "drop":
            return False
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "garbage":
            writer.write(b"SPAM\r\n\r\n")
        elif fault in STATUSES:
            writer.write(_whole(STATUSES[fault], b'{"error": {"message": "no"}}'))
        elif fault == "html":
            writer.write(_whole(200, b"<html>"))
        elif body.get("stream"):
            return await self._stream(fault, body, writer)
        else:
            await asyncio.sleep(self.first_s + (TOKENS - 1) * self.gap_s)
            writer.write(_whole(200, json.dumps(self._completion(body)).encode()))
        await writer.drain()
        return True

    def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
        choices = [
            {"index": i, "message": {"content": 'a "b"'}, "finish_reason": "stop"}
            for i in range(body.get("n", 1))
        ]
        usage = {"completion_tokens": TOKENS * len(choices)}
        return {"choices": choices, "usage": usage, "caption_studio": {"stage_times": STAGES}}

    async def _stream(self, fault: str, body: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        async for event in self._events(fault):
            data = f"data: {event}\n\n".encode()
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))
            await writer.drain()
        if fault == "cut":
            return False
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def _events(self, fault: str) -> AsyncIterator[str]:
        yield _chunk({"role": "assistant", "content": ""})
        await asyncio.sleep(self.first_s)
        for number in range(TOKENS):
            if number:
                await asyncio.sleep(self.gap_s)
            yield _chunk({"content": '"content":"'})
            if fault == "cut":
                return
            if fault == "stream-error":
                yield json.dumps({"error": {"message": "broke"}})
                return
        yield _chunk({}, finish_reason="stop")
        if fault == "endless":
            return
        last = {"choices": [], "usage": {"completion_tokens": TOKENS}}
        yield json.dumps(last | {"caption_studio": {"stage_times": STAGES}})
        yield "[DONE]"


def _chunk(delta: dict[str, Any], finish_reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return json.dumps({"choices": [choice]})


def _whole(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


@contextmanager
def running(server: FakeServer) -> Iterator[FakeServer]:
    """Run the server in a thread of its own, so that blocking code can ask it."""
    started = threading.Event()
    stop: Callable[[], object]
    loop = asyncio.new_event_loop()

    async def main() -> None:
        nonlocal stop
        ended = asyncio.Event()
        stop = lambda: loop.call_soon_threadsafe(ended.set)  # noqa: E731
        listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        started.set()
        await ended.wait()
        listening.close()
        await asyncio.sleep(0.02)  # connections that are being accepted become tasks of ours
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in server.writers:  # closing waits for a client that reads no more
            writer.transport.abort()
        await asyncio.sleep(0.02)  # a transport closes its socket a turn of the loop later

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()))
    thread.start()
    started.wait()
    try:
        yield server
    finally:
        stop()
        thread.join()
        loop.close()
