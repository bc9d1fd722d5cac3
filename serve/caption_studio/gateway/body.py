"""HTTP request → body bytes, within the caps.

Not here: what the bytes say (wire.parse).
"""

import asyncio

from starlette.requests import ClientDisconnect, Request

from caption_studio.errors import BodyTooLarge, RequestError, UnsupportedMediaType, UploadTimeout
from caption_studio.settings import GatewaySettings


async def read_json_body(request: Request, settings: GatewaySettings) -> bytes:
    """Return the body, at most `max_body_bytes` of it.

    Raises:
        UnsupportedMediaType: it is not `application/json`, or it is compressed.
        BodyTooLarge: by its header or by count.
        UploadTimeout: it did not arrive within `upload_timeout_s`.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("Send the request as Content-Type: application/json.")
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
        raise RequestError("The client went away.") from error
    return bytes(body)
