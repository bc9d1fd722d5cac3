"""A stored file → its bytes as an HTTP answer: all of them, or one range (RFC 9110, section 14).

A download may take as long as bytes flow: each piece has `STALL_S` to reach the client, whatever
the deadline of a request is.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from caption_studio.batches.records import StoredFile
from caption_studio.batches.storage import Storage
from caption_studio.batches.store import CHUNK_BYTES
from caption_studio.batches.streams import StoredReader
from caption_studio.batches.threads import StoreThreads
from caption_studio.errors import RangeNotSatisfiable
from caption_studio.gateway.error_responses import on_error
from caption_studio.gateway.http_methods import HEAD
from caption_studio.gateway.middleware import DEADLINE

CONTENT_TYPE = "application/octet-stream"
STALL_S = 60.0
"""Time for one piece of `CHUNK_BYTES` to be read and sent."""

_RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")


async def file_content(
    storage: Storage, owner: str, file: StoredFile, request: Request
) -> Response:
    """Return the answer; for HEAD nothing is read. Raises `FileNotFound`, `StoreUnavailable`."""
    etag = f'"{file.id}"'  # what is under an id never changes
    is_head = request.scope.get(HEAD, False)
    asked = None
    if request.headers.get("if-range", etag) == etag and not is_head:
        try:
            asked = asked_range(request.headers.get("range", ""), file.bytes)
        except RangeNotSatisfiable as error:
            answer = await on_error(request, error)
            answer.headers["content-range"] = f"bytes */{file.bytes}"
            return answer
    wanted = asked or range(file.bytes)
    headers = {"accept-ranges": "bytes", "etag": etag, "content-length": str(len(wanted))}
    if is_head:
        return Response(headers=headers, media_type=CONTENT_TYPE)
    threads, stack = storage.threads, ExitStack()
    source = await threads.run(stack.enter_context, storage.files.reading(owner, file.id))
    await threads.run(source.seek, wanted.start)
    if asked is not None:
        headers["content-range"] = f"bytes {asked.start}-{asked.stop - 1}/{file.bytes}"
    return StreamingResponse(
        _pieces(source, len(wanted), stack, threads, request.scope[DEADLINE]),
        status_code=200 if asked is None else 206,
        headers=headers,
        media_type=CONTENT_TYPE,
    )


def asked_range(header: str, size_bytes: int) -> range | None:
    """Return the bytes that a Range header asks for; None: all of them, as for what is no range.

    Several ranges are answered with the whole, which is allowed. Raises `RangeNotSatisfiable`.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        found = range(max(0, size_bytes - int(last)), size_bytes)
    elif last and int(last) < int(first):
        return None
    else:
        found = range(int(first), min(size_bytes, int(last) + 1 if last else size_bytes))
    if not found:
        raise RangeNotSatisfiable(f"The file has {size_bytes} bytes, none of them in that range.")
    return found


async def _pieces(
    source: StoredReader,
    count_bytes: int,
    stack: ExitStack,
    threads: StoreThreads,
    deadline: asyncio.Timeout,
) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    try:
        while count_bytes > 0:
            deadline.reschedule(loop.time() + STALL_S)
            piece = await threads.run(source.read, min(CHUNK_BYTES, count_bytes))
            if not piece:
                return
            count_bytes -= len(piece)
            yield piece
    finally:
        stack.close()  # not in a thread: a client that goes away ends this wherever it is
