"""ImageBytes → its format, and an opened Pillow file of it (except for HEIC).

Nothing is decoded here, and nothing large is allocated: a header that lies about its size is caught
by the caller before pixels exist. `Image.open` is avoided on purpose: it checks the size against a
process-wide limit, with only a warning up to twice that limit, and it turns "this JPEG is broken"
into "cannot identify". We find the format by its signature, use that one plugin, and check the size
ourselves (`decode.py`).
"""

import struct
import warnings
from collections.abc import Callable
from typing import IO, Literal

from PIL import Image
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from caption_studio.images.heic import is_heic

Format = Literal["JPEG", "PNG", "WEBP", "GIF", "HEIC"]

PILLOW_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    struct.error,
)
"""Exceptions that Pillow's plugins raise on hostile bytes. They promise no narrower set, and
mutated files have raised most of these."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNKS_READ = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND"})
_PNG_CHUNK_OVERHEAD_BYTES = 12  # length, type and CRC

_PLUGINS: dict[Format, Callable[[IO[bytes]], ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "GIF": GifImageFile,
}


def sniff(data: bytes) -> Format | None:
    """Return the format that the first bytes claim, None if we do not read it."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(_PNG_SIGNATURE):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    return "HEIC" if is_heic(data) else None


def open_file(format_: Format, stream: IO[bytes]) -> ImageFile:
    """Return the file with its header read. Raises one of `PILLOW_ERRORS`."""
    # Pillow warns of odd metadata and of sizes over its own limit. Neither concerns an
    # operator, and `warnings.catch_warnings` is not safe in threads (Python < 3.14).
    # `filterwarnings` keeps one entry however often it is called.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    return _PLUGINS[format_](stream)


def webp_canvas_px(data: bytes) -> tuple[int, int] | None:
    """Return width and height as a WebP header states them, None if it does not.

    Pillow has libwebp allocate the canvas as soon as the file is opened, so the size has
    to be known before. Layout: RFC 9649, sections 2.5 to 2.7.
    """
    chunk, header = data[12:16], data[20:30]
    if len(header) < 10:
        return None
    if chunk == b"VP8X":
        width, height = header[4:7], header[7:10]
        return int.from_bytes(width, "little") + 1, int.from_bytes(height, "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(header[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width_px, height_px = struct.unpack("<HH", header[6:10])
        return width_px & 0x3FFF, height_px & 0x3FFF
    return None


def without_png_extras(data: bytes) -> bytes:
    """Return a PNG with only the chunks that pixels and orientation need.

    Text, ICC profiles and animation frames are removed: Pillow unpacks them, and refuses the whole
    picture if one is too large or broken. A chunk that claims to be longer than the file is kept,
    so that Pillow finds the file truncated.
    """
    view = memoryview(data)
    kept = [view[: len(_PNG_SIGNATURE)]]
    start = len(_PNG_SIGNATURE)
    while start + 8 <= len(data):
        length = int.from_bytes(view[start : start + 4], "big")
        end = start + _PNG_CHUNK_OVERHEAD_BYTES + length
        kind = bytes(view[start + 4 : start + 8])
        if kind in _PNG_CHUNKS_READ or end > len(data):
            kept.append(view[start:end])
        if kind == b"IEND":
            break
        start = end
    return b"".join(kept)


def exif_transposition(picture: Image.Image) -> Image.Transpose | None:
    """Return the transposition to an upright picture, None if none is needed or stated."""
    try:
        orientation = picture.getexif().get(0x0112)
        return _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    except PILLOW_ERRORS:
        return None  # a broken EXIF block does not make a broken picture


# EXIF 2.32, table 5; the same pairs as PIL.ImageOps.exif_transpose.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
