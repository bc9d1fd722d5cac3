"""HEIC, the format of an iPhone's pictures: ImageBytes → a loaded picture, by a process of its own.

libheif decodes a picture in one call that cannot be interrupted, and files of a few kilobytes can
keep it busy for hours (an overlay of a thousand pictures). A process can be killed at the deadline,
and a fault in the decoder, which is 100,000 lines of C++, ends that process alone. It costs a tenth
of a second per picture; 12 megapixels take one or two seconds to decode.
"""

import contextlib
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from caption_studio.errors import EngineFailure
from caption_studio.images.stop import Stop, Stopped

logger = logging.getLogger(__name__)

_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis"})
_SIZE = re.compile(rb"(?=(?:\0\0\0\x01ispe.{8}|(?<!\0\0\0\x01)ispe).{4}(.{4})(.{4}))", re.DOTALL)
"""Length, type and version of a box, then width and height. A length of 1 says that the length is
in 8 bytes after the type. The matches may overlap: anything may stand before a box."""
_TURNED = re.compile(rb"irot|imir")
_ORIENTATION_TAG = 0x0112
_STOP_CHECK_S = 0.1
_NOT_DECODED = "The image could not be decoded."
_SENT_BY_OTHERS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that somebody else sends as a rule, such as the kernel when memory is short."""
_TOO_MANY_PIXELS = 3
"""The exit status of `heic_process.py` that says so."""
_PROGRAM = Path(__file__).with_name("heic_process.py")


class NoPicture(Exception):
    """The file is truncated or corrupt, or its decoder failed on it."""


class TooManyPixels(Exception):
    """The picture is over the caps."""


def is_heic(data: bytes) -> bool:
    """Return whether the first box names an HEVC-coded still picture (ISO/IEC 23008-12)."""
    if data[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(data[:4], "big"), 256)
    compatible = {data[at : at + 4] for at in range(16, end, 4)}
    return not _BRANDS.isdisjoint(compatible | {data[8:12]})


def sizes_px(data: bytes) -> list[tuple[int, int]]:
    """Return width and height of each image in the file, also of the tiles of a larger one.

    libheif decodes no image whose real size differs from the one stated in the file. Raises
    `NoPicture` for an image without width or height.
    """
    found = _SIZE.findall(_without_media(data))
    sizes = [
        (int.from_bytes(width, "big"), int.from_bytes(height, "big")) for width, height in found
    ]
    if not all(map(all, sizes)):
        raise NoPicture
    return sizes


def load_heic(
    data: bytes, *, useful_side_px: int, max_side_px: int, max_pixels: int, stop: Stop
) -> Image.Image:
    """Return the first picture, with its EXIF orientation if that is still to be applied.

    It may be reduced by a whole factor, with its shorter side at least `useful_side_px`. Raises
    `NoPicture`, `TooManyPixels`, `EngineFailure` if the process cannot start or somebody ends it,
    and `Stopped` as soon as `stop` says so.
    """
    # -P: this folder's modules must not shadow other libraries' modules of the same name.
    limits = map(str, (useful_side_px, max_side_px, max_pixels))
    command = [sys.executable, "-P", str(_PROGRAM), *limits]
    with (
        open(os.memfd_create("heic"), "w+b") as file,
        _started(command, file, data) as process,
    ):
        stop.follow(process.pid)
        try:
            answer = _answer(process, stop)
        finally:
            process.kill()
    if -process.returncode in _SENT_BY_OTHERS:
        logger.warning("a process that decoded HEIC was ended by signal %d", -process.returncode)
        raise EngineFailure(_NOT_DECODED)
    if process.returncode == _TOO_MANY_PIXELS:
        raise TooManyPixels
    if process.returncode != 0:
        raise NoPicture
    head, _, pixels = answer.partition(b"\n")
    mode, width, height, orientation = head.decode().split()
    picture = Image.frombuffer(mode, (int(width), int(height)), pixels, "raw", mode, 0, 1)
    if not _TURNED.search(_without_media(data)):  # else libheif has turned it already
        picture.getexif()[_ORIENTATION_TAG] = int(orientation)
    return picture


def _without_media(data: bytes) -> bytes:
    """Return all boxes but those of coded pictures (ISO/IEC 14496-12, section 4.2)."""
    kept = []
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if length < 8:  # 0: it goes on to the end
            length = len(data) - at
        if data[at + 4 : at + 8] != b"mdat":
            kept.append(data[at : at + length])
        at += length
    return b"".join(kept)


def _started(command: list[str], file: BinaryIO, data: bytes) -> subprocess.Popen[bytes]:
    # Not through a pipe: `communicate` never sends input that is left at its first timeout
    # (subprocess.py, 3.11: it then registers no input).
    file.write(data)
    file.seek(0)
    try:
        return subprocess.Popen(
            command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError as error:  # no process or no memory is left; else it would count as the file's
        raise EngineFailure(_NOT_DECODED) from error


def _answer(process: subprocess.Popen[bytes], stop: Stop) -> bytes:
    while not stop():
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_STOP_CHECK_S)[0]
    raise Stopped
