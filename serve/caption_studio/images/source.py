"""ImageReference → ImageBytes for data URLs; http(s) URLs are the fetcher's (`fetch.py`).

Base64 is read as forgivingly as browsers and mail programs write it: with white space, with percent
escapes, in the URL-safe alphabet, without padding. The rest must be base64: a character outside the
alphabets, padding before the end or an impossible length is refused.
"""

import binascii
import re
from collections.abc import Iterator

from caption_studio.errors import ImageTooLarge, InvalidImageURL, InvalidValue
from caption_studio.limits import MAX_DATA_URL_CHARS_PER_BYTE
from caption_studio.records import ImageBytes, ImageReference

_SCHEME = re.compile(r"[\t\n\f\r ]{0,64}data:", re.IGNORECASE | re.ASCII)
_MAX_HEAD_CHARS = 1024
_BLOCK_CHARS = 1024 * 1024
"""Characters decoded in one call, which holds the GIL: 20 MiB at once took 140 ms."""

_WHITE_SPACE = b"\t\n\f\r "
_STANDARD_ALPHABET = bytes.maketrans(b"-_", b"+/")
_ESCAPES = tuple(
    (f"%{digits}".encode(), bytes.fromhex(digits))
    for digits in ("2B", "2b", "2F", "2f", "3D", "3d", "20", "09", "0A", "0a", "0D", "0d")
)
"""The percent escapes accepted in base64: plus, slash, equals sign, white space."""

_CUT_ESCAPE = re.compile(rb"%[0-9A-Fa-f]?\Z")


def is_data_url(url: str) -> bool:
    """Return whether the URL carries its picture itself."""
    return _SCHEME.match(url) is not None


def read_data_url(reference: ImageReference, *, max_bytes: int) -> ImageBytes:
    """Return the bytes inside `data:image/…;base64,…` (RFC 2397).

    Raises `InvalidImageURL` for another form or media type, `ImageTooLarge` over `max_bytes`
    (before anything is decoded), `InvalidValue` for bad base64.
    """
    url, param = reference.url, reference.param
    scheme = _SCHEME.match(url)
    comma = url.find(",", 0, _MAX_HEAD_CHARS)
    head = url[scheme.end() : max(comma, 0)] if scheme else ""
    media_type, *parameters = (part.strip() for part in head.lower().split(";"))
    if not parameters or parameters[-1] != "base64":
        raise InvalidImageURL(
            "A data URL must have the form data:image/<type>;base64,<data>.", param=param
        )
    if not media_type.startswith("image/"):
        raise InvalidImageURL("The data URL must have an image media type.", param=param)
    try:
        if _is_over(url, comma + 1, max_bytes):
            raise _too_large(max_bytes, param)
        data = _decode(url, comma + 1)
    except ValueError as error:  # binascii.Error and UnicodeEncodeError are both
        raise InvalidValue("The data URL does not hold valid base64.", param=param) from error
    if not data:
        raise InvalidValue("The data URL is empty: no base64 follows its comma.", param=param)
    return within_cap(ImageBytes(data=data, param=param), max_bytes=max_bytes)


def within_cap(image: ImageBytes, *, max_bytes: int) -> ImageBytes:
    """Return `image`. Raises `ImageTooLarge` over `max_bytes`."""
    if len(image.data) > max_bytes:
        raise _too_large(max_bytes, image.param)
    return image


def _too_large(max_bytes: int, param: str) -> ImageTooLarge:
    return ImageTooLarge(f"The image is over the limit of {max_bytes} bytes.", param=param)


def _is_over(url: str, start: int, max_bytes: int) -> bool:
    """Return whether the base64 from `start` on decodes to more than `max_bytes`.

    White space and escapes are looked for only where they may make the difference. The gateway has
    already cut off a URL that is far longer (`MAX_DATA_URL_CHARS_PER_BYTE`).
    """
    chars = len(url) - start
    if chars * 3 // 4 - 2 <= max_bytes:
        return False
    if chars > max_bytes * MAX_DATA_URL_CHARS_PER_BYTE:
        return True
    return sum(map(len, _plain_blocks(url, start))) * 3 // 4 - 2 > max_bytes


def _decode(url: str, start: int) -> bytes:
    """Return the bytes that the base64 from `start` on encodes.

    Raises `ValueError` for invalid base64.
    """
    pieces: list[bytes] = []
    rest = b""  # of the blocks so far: fewer than four characters
    for block in _plain_blocks(url, start):
        if block and pieces and len(pieces[-1]) % 3:
            raise ValueError("padding before the end")
        block = rest + block
        whole = len(block) - len(block) % 4
        rest = block[whole:]
        if whole:
            pieces.append(binascii.a2b_base64(block[:whole], strict_mode=True))
    if b"=" in rest:
        raise ValueError("half of a padding")
    if rest:
        pieces.append(binascii.a2b_base64(rest.ljust(4, b"="), strict_mode=True))
    return b"".join(pieces)


def _plain_blocks(url: str, start: int) -> Iterator[bytes]:
    """Yield the base64 in its standard alphabet, without white space and escapes."""
    cut = b""  # the beginning of an escape that goes on in the next block
    for at in range(start, len(url), _BLOCK_CHARS):
        block = cut + url[at : at + _BLOCK_CHARS].encode("ascii")
        cut = b""
        if b"%" in block:
            if found := _CUT_ESCAPE.search(block, len(block) - 2):
                cut, block = found[0], block[: found.start()]
            for escape, char in _ESCAPES:
                block = block.replace(escape, char)
        yield block.translate(_STANDARD_ALPHABET, _WHITE_SPACE)
    if cut:
        raise ValueError("an escape that ends too early")
