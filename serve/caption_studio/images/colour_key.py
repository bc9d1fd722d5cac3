"""A PNG with a colour key → a picture with the alpha that the key stands for.

The key (chunk tRNS) is one level or colour, in samples as the file has them. Pillow 13 compares it
with samples of 8 bits. It does not scale the key of 2 or 4 bits as it scales the samples, and of
16 bits it compares the key's low byte with the samples' high byte. libpng compares first and
scales then; so does this module.
"""

from collections.abc import Callable

from PIL import Image, ImageChops
from PIL.ImageFile import ImageFile

_KEY = "transparency"
_STEPS = {"L;2": 85, "L;4": 17}
"""How far apart Pillow puts the levels of 2 and of 4 bits."""
_GREY_16, _RGB_16 = "I;16B", "RGB;16B"
_RGB_16_LOW = "RGB;16L"
"""It reads the second byte of each sample, which is the high one of a little-endian file."""


def load_png(file: ImageFile, reopened: Callable[[], ImageFile]) -> Image.Image:
    """Return the loaded picture. `reopened` gives the same file anew, not yet loaded."""
    raw_mode = file.tile[0].args if file.tile else None
    file.load()
    key = file.info.get(_KEY)
    if key is None:
        return file
    if raw_mode in _STEPS:
        step = _STEPS[raw_mode]
        file.info[_KEY] = step * (key % (255 // step + 1))
        return file
    if raw_mode == _GREY_16:
        samples = file.tobytes()  # little-endian
        high = Image.frombytes("L", file.size, samples, "raw", "L;16")
        low = Image.frombytes("L", file.size, samples, "raw", "L;16B")
        return _with_alpha(high, low, (key,), file)
    if raw_mode == _RGB_16:
        return _with_alpha(file, _low_bytes(reopened()), key, file)
    return file


def _low_bytes(file: ImageFile) -> Image.Image:
    file.tile = [
        type(tile)(tile.codec_name, tile.extents, tile.offset, _RGB_16_LOW) for tile in file.tile
    ]
    file.load()
    return file


def _with_alpha(
    high: Image.Image, low: Image.Image, key: tuple[int, ...], file: ImageFile
) -> Image.Image:
    """Return the high bytes, clear where all high and low bytes are those of the key."""
    opaque = Image.new("L", high.size, 0)
    for channel, level in enumerate(key):
        for samples, byte in ((high, level >> 8), (low, level & 0xFF)):
            differs = [255 * (sample != byte) for sample in range(256)]
            opaque = ImageChops.lighter(opaque, samples.getchannel(channel).point(differs))
    high.info = {name: value for name, value in file.info.items() if name != _KEY}
    high.putalpha(opaque)
    return high
