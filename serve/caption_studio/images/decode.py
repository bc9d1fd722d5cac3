"""ImageBytes → Pixels: a pure function, the same for every caller.

Size and crop are those of the describer's image processor: transformers'
`CLIPImageProcessor` with the Pillow backend, shortest side to `size_px`, bicubic, centre
crop. Normalisation is not here: Pixels are uint8. When and in which thread this runs is
not here either (`loader.py`, `workers.py`).
"""

import io
from functools import partial

from PIL import Image
from PIL.ImageFile import ImageFile

from caption_studio.errors import ImageParseError, ImageTooLarge, InvalidImageFormat
from caption_studio.images import heic
from caption_studio.images.colour_key import load_png
from caption_studio.images.formats import (
    PILLOW_ERRORS,
    Format,
    exif_transposition,
    open_file,
    sniff,
    webp_canvas_px,
    without_png_extras,
)
from caption_studio.images.stop import Stop, Stopped
from caption_studio.records import ImageBytes, Pixels
from caption_studio.settings import ImageSettings

_DRAFT_MARGIN = 3
"""A JPEG or HEIC is reduced by a whole factor as long as it stays this many times the final
size."""

_JPEG_BLOCK_BYTES = 4 * 1024
"""Bytes between two checks of `stop`. libjpeg walks the whole picture once per scan of a
progressive JPEG; a hostile one has a scan per 100 bytes, at 40 ms each for 64 megapixels, so
Pillow's default of 64 KiB would run on for half a minute."""

_NOT_READ = "The image is not in a supported format. Supported: JPEG, PNG, WebP, GIF, HEIC."
_EMPTY = "The image is empty: it has no bytes."

_WHOLE_RESIZE_MAX_ASPECT = 8
"""Above this aspect ratio only the part that the crop keeps is resized: 1 by 20,000 pixels would
become 1,280,000 rows. Below it the whole picture is resized: with a part Pillow would round between
its two passes at other places than upstream, up to 21 levels apart in pure noise."""


def decode(
    image: ImageBytes,
    *,
    size_px: int,
    settings: ImageSettings,
    stop: Stop | None = None,
) -> Pixels:
    """Return the picture, upright, as uint8 [size_px, size_px, 3], RGB.

    `stop` is called now and then; if it returns true, `Stopped` is raised. Raises
    `InvalidImageFormat`, `ImageParseError` or `ImageTooLarge`; `EngineFailure` if the process that
    decodes HEIC was ended by somebody else.
    """
    stop = stop or Stop()
    format_ = sniff(image.data)
    if format_ is None:
        raise InvalidImageFormat(_NOT_READ if image.data else _EMPTY, param=image.param)
    try:
        # Nested, so that no step keeps the one before it alive: each may be 256 MB.
        square = _resize_and_crop(
            _to_rgb(_upright(_loaded(image, format_, size_px, settings, stop)), stop), size_px
        )
    except (*PILLOW_ERRORS, heic.NoPicture) as error:
        raise ImageParseError(
            "The image is truncated or corrupt and cannot be decoded.", param=image.param
        ) from error
    except (MemoryError, Image.DecompressionBombError) as error:
        raise ImageTooLarge("The image is too large to decode.", param=image.param) from error
    return Pixels(data=square.tobytes(), height_px=size_px, width_px=size_px)


class _StoppableReader(io.BytesIO):
    """Encoded bytes that raise `Stopped` from `read` once `stop` says so."""

    def __init__(self, data: bytes, stop: Stop) -> None:
        super().__init__(data)
        self._stop = stop

    def read(self, size: int | None = -1, /) -> bytes:
        if self._stop():
            raise Stopped
        return super().read(size)


def _open(image: ImageBytes, format_: Format, settings: ImageSettings, stop: Stop) -> ImageFile:
    data = image.data
    if format_ == "WEBP" and (canvas_px := webp_canvas_px(data)):
        _check_size(canvas_px, settings, image.param)
    if format_ == "PNG":
        data = without_png_extras(data)
    file = open_file(format_, _StoppableReader(data, stop))
    _check_size(file.size, settings, image.param)
    return file


def _check_size(size_px: tuple[int, int], settings: ImageSettings, param: str) -> None:
    width_px, height_px = size_px
    if max(size_px) > settings.max_side_px or width_px * height_px > settings.max_pixels:
        raise _too_large(settings, param)


def _too_large(settings: ImageSettings, param: str) -> ImageTooLarge:
    return ImageTooLarge(
        f"The image has too many pixels. At most {settings.max_pixels} are allowed, and "
        f"at most {settings.max_side_px} on a side.",
        param=param,
    )


def _loaded(
    image: ImageBytes,
    format_: Format,
    size_px: int,
    settings: ImageSettings,
    stop: Stop,
) -> Image.Image:
    if format_ == "HEIC":
        return _load_heic(image, size_px, settings, stop)
    opened = partial(_open, image, format_, settings, stop)
    file = opened()
    if format_ == "PNG":
        return load_png(file, opened)
    if format_ == "GIF":
        return _load_gif(file)
    if format_ == "JPEG":
        file.draft(None, (_DRAFT_MARGIN * size_px, _DRAFT_MARGIN * size_px))
        file.decodermaxblock = _JPEG_BLOCK_BYTES
    file.load()
    return file


def _load_gif(file: ImageFile) -> Image.Image:
    """Return the first frame, on white if it does not cover the canvas.

    Pillow fills the rest with the first colour of the palette, browsers leave it clear. Where the
    frame has a clear colour, Pillow fills the rest with that.
    """
    covered = file.tile[0].extents if file.tile else None
    file.load()
    if covered in (None, (0, 0, *file.size)) or file.has_transparency_data:
        return file
    canvas = Image.new("RGB", file.size, "white")
    canvas.paste(file.crop(covered), covered)
    return canvas


def _load_heic(image: ImageBytes, size_px: int, settings: ImageSettings, stop: Stop) -> Image.Image:
    for size in heic.sizes_px(image.data):
        _check_size(size, settings, image.param)
    try:
        return heic.load_heic(
            image.data,
            useful_side_px=_DRAFT_MARGIN * size_px,
            max_side_px=settings.max_side_px,
            max_pixels=settings.max_pixels,
            stop=stop,
        )
    except heic.TooManyPixels as error:
        raise _too_large(settings, image.param) from error


def _upright(picture: Image.Image) -> Image.Image:
    transposition = exif_transposition(picture)
    return picture if transposition is None else picture.transpose(transposition)


def _to_rgb(picture: Image.Image, stop: Stop) -> Image.Image:
    if stop():
        raise Stopped
    if picture.mode.startswith("I;16"):
        # `convert` would clip: 256 and everything above it became white.
        picture = Image.frombytes("L", picture.size, picture.tobytes(), "raw", "L;16")
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    rgba = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    canvas = Image.new("RGB", rgba.size, "white")
    canvas.paste(rgba, mask=rgba)
    return canvas


def _resize_and_crop(picture: Image.Image, size_px: int) -> Image.Image:
    """Resize the shortest side to `size_px`, then crop the centre.

    The long side is rounded down and the crop starts at half the rest, rounded down
    (transformers, image_transforms.py: get_resize_output_image_size and center_crop).
    """
    width_px, height_px = picture.size
    short_px = min(picture.size)
    resized = (size_px * width_px // short_px, size_px * height_px // short_px)
    left, top = ((side - size_px) // 2 for side in resized)
    crop = (left, top, left + size_px, top + size_px)
    if max(resized) <= _WHOLE_RESIZE_MAX_ASPECT * size_px:
        return picture.resize(resized, Image.Resampling.BICUBIC).crop(crop)
    scale_x, scale_y = width_px / resized[0], height_px / resized[1]
    box = (
        crop[0] * scale_x,
        crop[1] * scale_y,
        min(crop[2] * scale_x, float(width_px)),
        min(crop[3] * scale_y, float(height_px)),
    )
    return picture.resize((size_px, size_px), Image.Resampling.BICUBIC, box=box)
