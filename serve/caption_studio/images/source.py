"""ImageReference → ImageBytes for data URLs; http(s) URLs are the fetcher's (`fetch.py`).

Strict on purpose: a browser would forgive blanks, missing padding or a missing type, and
every picture it forgave would be one that some other reader of the same request rejects.
"""

import binascii

from caption_studio.errors import ImageTooLarge, InvalidImageURL, InvalidValue
from caption_studio.records import ImageBytes, ImageReference

_SCHEME = "data:"
_BLOCK_CHARS = 1024 * 1024
"""Characters decoded in one call, which holds the interpreter: 20 MiB at once took 140 ms."""


def is_data_url(url: str) -> bool:
    """Return whether the URL carries its picture itself."""
    return url[: len(_SCHEME)].lower() == _SCHEME


def read_data_url(reference: ImageReference, *, max_bytes: int) -> ImageBytes:
    """Return the bytes inside `data:image/…;base64,…` (RFC 2397).

    Raises `InvalidImageURL` for another form or media type, `ImageTooLarge` over
    `max_bytes` (before anything is decoded), `InvalidValue` for bad base64.
    """
    url, param = reference.url, reference.param
    comma = url.find(",", 0, 1024)
    media_type, *parameters = url[len(_SCHEME) : max(comma, 0)].lower().split(";")
    if comma < 0 or not parameters or parameters[-1].strip() != "base64":
        raise InvalidImageURL(
            "A data URL must have the form data:image/<type>;base64,<data>.", param=param
        )
    if not media_type.strip().startswith("image/"):
        raise InvalidImageURL("The data URL must have an image media type.", param=param)
    start = comma + 1
    if (len(url) - start) * 3 // 4 - 2 > max_bytes:
        raise _too_large(max_bytes, param)
    image = ImageBytes(data=_decode_base64(url, start, param), param=param)
    return within_cap(image, max_bytes=max_bytes)


def within_cap(image: ImageBytes, *, max_bytes: int) -> ImageBytes:
    """Return `image`. Raises `ImageTooLarge` over `max_bytes`."""
    if len(image.data) > max_bytes:
        raise _too_large(max_bytes, image.param)
    return image


def _too_large(max_bytes: int, param: str) -> ImageTooLarge:
    return ImageTooLarge(f"The image is over the limit of {max_bytes} bytes.", param=param)


def _decode_base64(url: str, start: int, param: str) -> bytes:
    blocks = []
    try:
        for at in range(start, len(url), _BLOCK_CHARS):
            block = url[at : at + _BLOCK_CHARS].encode("ascii")
            if b"=" in block and at + _BLOCK_CHARS < len(url):
                raise ValueError("padding before the end")
            blocks.append(binascii.a2b_base64(block, strict_mode=True))
        if not blocks:
            raise ValueError("empty")
    except ValueError as error:  # binascii.Error and UnicodeEncodeError are both
        raise InvalidValue("The data URL does not hold valid base64.", param=param) from error
    return b"".join(blocks)
