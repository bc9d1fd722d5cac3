"""HTTP request → parsed JSON, or the parts of an upload, within the caps.

Not here: their meaning (wire.parse).
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from caption_studio.errors import (
    BodyTooLarge,
    InvalidValue,
    MalformedForm,
    RequestError,
    TooLong,
    UnknownParameter,
    UnsupportedMediaType,
    UploadTimeout,
)
from caption_studio.gateway.byte_budget import HELD, HeldBytes
from caption_studio.limits import MAX_DATA_URL_CHARS_PER_BYTE
from caption_studio.observability.metrics import CLIENT_GONE
from caption_studio.records import ImageBytes
from caption_studio.settings import GatewaySettings
from caption_studio.wire.bounds import too_much_text
from caption_studio.wire.json_body import PIECE_BYTES, JSONBody, JSONReader, Limits


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart body: its text fields by name and the files of its field `image`."""

    fields: Mapping[str, str]
    images: tuple[ImageBytes, ...]


JSON = "application/json"
MULTIPART = "multipart/form-data"
MAX_FORM_FIELDS = 64
_CHARSETS = frozenset(
    {"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "iso8859-1", "latin-1", "latin1"}
)
"""Charsets of a form. Starlette decodes with any codec of Python that the caller names:
`unicode_escape` gives lone surrogates, and the time of `punycode` is quadratic."""
DATA_URL_HEAD_CHARS = 1024
GRACE_S = 10.0
"""Time before a body that must arrive at some rate is measured by it."""


def media_type(request: Request) -> str:
    """Return the body's content type without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(
    request: Request, settings: GatewaySettings, *, max_image_bytes: int | None = None
) -> JSONBody:
    """Return a JSON body, parsed as it arrives: no piece blocks the event loop for long.

    Of a picture in it no more is kept than shows that it is over `max_image_bytes`.

    Raises as `body_pieces`, and:
        UnsupportedMediaType: it is none.
        MalformedJSON, TooLong: as `JSONReader`.
    """
    if media_type(request) != JSON:
        raise UnsupportedMediaType(f"Send the request as Content-Type: {JSON}.")
    largest = settings.max_body_bytes if max_image_bytes is None else max_image_bytes
    reader = JSONReader(
        Limits(
            text_chars=settings.max_text_bytes,
            pictures=settings.max_turns,  # of earlier turns too, which are not captioned
            picture_chars=int(largest * MAX_DATA_URL_CHARS_PER_BYTE) + DATA_URL_HEAD_CHARS,
        )
    )
    async with aclosing(_held_pieces(request, settings)) as pieces:
        async for piece in pieces:
            reader.feed(piece)
    return reader.end()


async def read_upload(
    request: Request, settings: GatewaySettings, *, max_image_bytes: int | None = None
) -> Upload:
    """Return the parts of a multipart body.

    Of a picture in it no more is kept than shows that it is over `max_image_bytes`.

    Raises as `body_pieces`, and:
        MalformedForm: it cannot be parsed, or its charset is not one of ours.
        UnknownParameter: a file in a field other than `image`.
        TooLong: more than `max_images` files, or more than `max_text_bytes` of text.
    """
    check_charset(request)
    async with aclosing(_held_pieces(request, settings)) as pieces:
        parser = MultiPartParser(
            request.headers,
            pieces,
            max_files=settings.max_images + 1,
            max_fields=MAX_FORM_FIELDS,
            max_part_size=settings.max_text_bytes,
        )
        # In memory, as all requests are, within `max_body_bytes`; not on the disk.
        parser.spool_max_size = settings.max_body_bytes + 1
        try:
            form = await parser.parse()
        except (MultiPartException, MultipartParseError, ValueError, KeyError) as error:
            raise MalformedForm("We could not parse the multipart body of your request.") from error
    try:
        return await _parts(form, settings, max_image_bytes)
    finally:
        await form.close()


def check_charset(request: Request) -> None:
    """Raise `MalformedForm` if the Content-Type header of a form names a charset we do not read."""
    _, options = parse_options_header(request.headers.get("content-type"))
    charset = options.get(b"charset", b"utf-8").decode("latin-1")
    if charset.lower() not in _CHARSETS:
        raise MalformedForm("Send the text of a multipart body as charset=utf-8.")


async def _parts(form: FormData, settings: GatewaySettings, max_image_bytes: int | None) -> Upload:
    kept_bytes = -1 if max_image_bytes is None else max_image_bytes + 1
    fields: dict[str, str] = {}
    images: list[ImageBytes] = []
    text_bytes = 0
    for name, value in form.multi_items():
        if isinstance(value, str):
            if name in fields:
                raise InvalidValue("A field may be sent once.", param=name)
            text_bytes += len(value.encode())
            if text_bytes > settings.max_text_bytes:
                raise too_much_text(settings.max_text_bytes, name)
            fields[name] = value
        elif name != "image":
            raise UnknownParameter(f"Unrecognized file supplied: {name}.", param=name)
        else:
            images.append(ImageBytes(await value.read(kept_bytes), f"image[{len(images)}]"))
    if len(images) > settings.max_images:
        raise TooLong(f"A request may hold at most {settings.max_images} images.", param="image")
    return Upload(fields, tuple(images))


def _held_pieces(request: Request, settings: GatewaySettings) -> AsyncGenerator[bytes]:
    """Yield a body that is held in memory, as `body_pieces` does."""
    return body_pieces(
        request,
        max_bytes=settings.max_body_bytes,
        timeout_s=settings.upload_timeout_s,
        held=request.scope[HELD],
    )


def declared_bytes(request: Request, max_bytes: int) -> int:
    """Return the body's length as its header says, 0 if it says none. Raises `BodyTooLarge`."""
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > max_bytes:
        raise _too_large(max_bytes)
    return int(length)


async def body_pieces(
    request: Request,
    *,
    max_bytes: int,
    timeout_s: float,
    held: HeldBytes | None,
    bytes_per_s: float = 0.0,
) -> AsyncGenerator[bytes]:
    """Yield the body in small pieces, at most `max_bytes` of it.

    Other tasks run between two pieces, even if both have arrived already. `held` is None for a body
    that is not kept in memory.

    Raises:
        UnsupportedMediaType: it is compressed.
        BodyTooLarge: by its header or by count.
        Overloaded: the gateway's budget of bytes has no room for it.
        UploadTimeout: it did not arrive within `timeout_s`, or comes slower than `bytes_per_s`.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the request body uncompressed.")
    length_bytes = declared_bytes(request, max_bytes)
    if held is not None:
        held.grow_to(length_bytes)
    began_s = asyncio.get_running_loop().time()
    arrived_bytes = 0
    while True:
        limit_s = timeout_s
        if bytes_per_s:
            limit_s = min(timeout_s, GRACE_S + arrived_bytes / bytes_per_s)
        chunk, more = await _next_chunk(request, began_s + limit_s)
        arrived_bytes += len(chunk)
        if arrived_bytes > max_bytes:
            raise _too_large(max_bytes)
        if held is not None:
            held.grow_to(arrived_bytes)
        for start in range(0, len(chunk), PIECE_BYTES):
            if start or arrived_bytes > len(chunk):
                await asyncio.sleep(0)
            yield chunk[start : start + PIECE_BYTES]
        if not more:
            return


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"A request body may be at most {max_bytes} bytes.")


async def _next_chunk(request: Request, deadline_s: float) -> tuple[bytes, bool]:
    """Return the next bytes of the body, and whether more follow."""
    try:
        async with asyncio.timeout_at(deadline_s):
            message = await request.receive()
    except TimeoutError as error:
        raise UploadTimeout("The request body did not arrive in time.") from error
    if message["type"] == "http.disconnect":
        raise RequestError("The client went away.", code=CLIENT_GONE)
    return message.get("body", b""), message.get("more_body", False)
