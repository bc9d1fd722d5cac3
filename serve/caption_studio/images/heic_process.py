"""HEIC on standard input → raw pixels on standard output: a program of its own.

It imports nothing of this package, so that it starts in a tenth of a second. Its arguments are the
shortest side that is of use to the caller, and the caps of a side and of all pixels. It answers
with a line of mode, width, height and EXIF orientation and then the pixels, or with nothing and an
exit status. Why it is a process: `heic.py`.
"""

import resource
import sys
from io import BytesIO

from PIL import Image
from pillow_heif import HeifImageFile, options

_MAX_MEMORY_BYTES = 2 * 1024**3
_NO_PICTURE, _TOO_MANY_PIXELS = 1, 3
_MAX_CPU_S = 60
"""The caller kills this process at its deadline; these limits are for a caller that has died.
Past the soft limit comes SIGXCPU; at the hard one it would be SIGKILL, which others send, too."""


def main(useful_side_px: int, max_side_px: int, max_pixels: int) -> int:
    """Decode one picture; return the exit status. A picture over the caps is not decoded."""
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_MAX_CPU_S, _MAX_CPU_S + 1))
    options.DECODE_THREADS = 1
    try:
        # Its plugin for Pillow has no types.
        file = HeifImageFile(BytesIO(sys.stdin.buffer.read()))  # type: ignore[no-untyped-call]
        if max(file.size) > max_side_px or file.width * file.height > max_pixels:
            return _TOO_MANY_PIXELS
        file.load()  # type: ignore[no-untyped-call]
        picture = _reduced(file, useful_side_px)
        pixels = picture.tobytes()
    except Exception:  # the edge of the process: the caller has one answer for all of them
        return _NO_PICTURE
    orientation = file.info["original_orientation"] or 1
    head = f"{picture.mode} {picture.width} {picture.height} {orientation}\n"
    sys.stdout.buffer.write(head.encode())
    sys.stdout.buffer.write(pixels)
    return 0


def _reduced(picture: Image.Image, useful_side_px: int) -> Image.Image:
    """Reduce the picture by a whole factor while its short side stays at least `useful_side_px`."""
    factor = min(picture.size) // useful_side_px
    return picture if factor < 2 or picture.mode == "I;16" else picture.reduce(factor)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
