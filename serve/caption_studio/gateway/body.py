"""HTTP request → body bytes, or the parts of an upload, within the caps.

Not here: what they say (wire.parse).
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from python_multipart.exceptions import MultipartParseError
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

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
from caption_studio.observability.metrics import CLIENT_GONE
from caption_studio.records import ImageBytes
from caption_studio.settings import GatewaySettings


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart body: its text fields by name and the files of its field `image`."""

    fields: Mapping[str, str]
    images: tuple[ImageBytes, ...]


JSON = "application/json"
MULTIPART = "multipart/form-data"
MAX_FORM_FIELDS = 64


def media_type(request: Request) -> str:
    """Return the body's content type without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request, settings: GatewaySettings) -> bytes:
    """Return a JSON body. Raises as `read_body`, and `UnsupportedMediaType` if it is none."""
    if media_type(request) != JSON:
        raise UnsupportedMediaType(f"Send the request as Content-Type: {JSON}.")
    return await read_body(request, settings)


async def read_upload(request: Request, settings: GatewaySettings) -> Upload:
    """Return the parts of a multipart body.

    Raises as `read_body`, and:
        MalformedForm: it cannot be taken apart.
        UnknownParameter: a file in a field other than `image`.
        TooLong: more than `max_images` files.
    """
    body = await read_body(request, settings)

    async def once() -> AsyncGenerator[bytes]:
        yield body

    parser = MultiPartParser(
        request.headers,
        once(),
        max_files=settings.max_images + 1,
        max_fields=MAX_FORM_FIELDS,
        max_part_size=settings.max_text_bytes,
    )
    parser.spool_max_size = len(body) + 1  # it is in memory already; keep it off the disk
    try:
        form = await parser.parse()
    except (MultiPartException, MultipartParseError, ValueError, KeyError) as error:
        raise MalformedForm("We could not parse the multipart body of your request.") from error
    try:
        return await _parts(form, settings)
    finally:
        await form.close()


async def _parts(form: FormData, settings: GatewaySettings) -> Upload:
    fields: dict[str, str] = {}
    images: list[ImageBytes] = []
    for name, value in form.multi_items():
        if isinstance(value, str):
            if name in fields:
                raise InvalidValue("A field may be sent once.", param=name)
            fields[name] = value
        elif name != "image":
            raise UnknownParameter(f"Unrecognized file supplied: {name}.", param=name)
        else:
            images.append(ImageBytes(await value.read(), f"image[{len(images)}]"))
    if len(images) > settings.max_images:
        raise TooLong(f"A request may hold at most {settings.max_images} images.", param="image")
    return Upload(fields, tuple(images))


async def read_body(request: Request, settings: GatewaySettings) -> bytes:
    """Return the body, at most `max_body_bytes` of it.

    Raises:
        UnsupportedMediaType: it is compressed.
        BodyTooLarge: by its header or by count.
        UploadTimeout: it did not arrive within `upload_timeout_s`.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the request body uncompressed.")
    length = request.headers.get("content-length", "0")
    too_large = BodyTooLarge(f"A request body may be at most {settings.max_body_bytes} bytes.")
    if not length.isascii() or not length.isdigit() or int(length) > settings.max_body_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(settings.upload_timeout_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > settings.max_body_bytes:
                    raise too_large
    except TimeoutError as error:
        raise UploadTimeout("The request body did not arrive in time.") from error
    except ClientDisconnect as error:
        raise RequestError("The client went away.", code=CLIENT_GONE) from error
    return bytes(body)
