"""Which pictures are read, how they look then, and which are refused with what."""

import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from caption_studio.errors import (
    ImageError,
    ImageParseError,
    ImageTooLarge,
    InvalidImageFormat,
)
from caption_studio.images.decode import decode
from caption_studio.images.stop import Stop, Stopped
from caption_studio.records import ImageBytes
from caption_studio.settings import ImageSettings

PARAM = "image"
RED, WHITE = (255, 0, 0), (255, 255, 255)


def encode(picture: Image.Image, format_: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()


def pixels(data: bytes, size_px: int = 8, **settings: Any) -> np.ndarray:
    """Return the decoded picture: int [size_px, size_px, 3]."""
    image = ImageBytes(data, PARAM)
    result = decode(image, size_px=size_px, settings=ImageSettings(**settings))
    assert (result.height_px, result.width_px) == (size_px, size_px)
    array = np.frombuffer(result.data, np.uint8).reshape(size_px, size_px, 3)
    return array.astype(int)


def refusal(data: bytes, **settings: Any) -> ImageError:
    with pytest.raises(ImageError) as caught:
        pixels(data, **settings)
    assert caught.value.param == PARAM
    return caught.value


def quarters() -> Image.Image:
    """Return 32 by 32 pixels: red and green above, blue and white below."""
    picture = Image.new("RGB", (32, 32), RED)
    picture.paste("lime", (16, 0, 32, 16))
    picture.paste("blue", (0, 16, 16, 32))
    picture.paste("white", (16, 16, 32, 32))
    return picture


def corners(array: np.ndarray) -> list[tuple[int, ...]]:
    """Return the colours of the four corners, row by row, rounded to off and on."""
    return [tuple(255 * (array[y, x] > 127)) for y in (0, -1) for x in (0, -1)]


def allocated_blocks() -> int:
    """Return how many blocks (16 MiB at most) Pillow has asked the system for so far."""
    return Image.core.get_stats()["allocated_blocks"]


QUARTERS = [RED, (0, 255, 0), (0, 0, 255), WHITE]


def chunk(kind: bytes, body: bytes) -> bytes:
    crc = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """Return the PNG with chunks put in after IHDR."""
    return png[:33] + b"".join(chunks) + png[33:]


READ = {
    "jpeg": encode(quarters(), "JPEG", quality=95),
    "progressive jpeg": encode(quarters(), "JPEG", quality=95, progressive=True),
    "cmyk jpeg": encode(quarters().convert("CMYK"), "JPEG", quality=95),
    "mpo": encode(quarters(), "MPO", quality=95, save_all=True, append_images=[quarters()]),
    "png": encode(quarters()),
    "png with palette": encode(quarters().convert("P", palette=Image.Palette.ADAPTIVE)),
    "png with alpha": encode(quarters().convert("RGBA")),
    "animated png": encode(
        quarters(), save_all=True, append_images=[Image.new("RGB", (32, 32))], duration=9
    ),
    "webp": encode(quarters(), "WEBP", quality=95),
    "lossless webp": encode(quarters(), "WEBP", lossless=True),
    "webp with alpha": encode(quarters().convert("RGBA"), "WEBP", lossless=True),
    "animated webp": encode(
        quarters(), "WEBP", save_all=True, append_images=[Image.new("RGB", (32, 32))]
    ),
    "gif": encode(quarters(), "GIF"),
    "animated gif": encode(
        quarters(), "GIF", save_all=True, append_images=[Image.new("RGB", (32, 32))]
    ),
    "corrupt icc profile in a jpeg": encode(quarters(), "JPEG", icc_profile=b"no profile"),
    "corrupt icc profile in a png": encode(quarters(), icc_profile=b"no profile"),
    "corrupt icc profile in a webp": encode(quarters(), "WEBP", icc_profile=b"no profile"),
    "sound icc profile": encode(
        quarters(), icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    ),
    "icc chunk that does not unpack": with_chunks(
        encode(quarters()), chunk(b"iCCP", b"name\0\0not zlib")
    ),
    "icc chunk that unpacks to 8 MiB": with_chunks(
        encode(quarters()), chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(8 << 20)))
    ),
    "text chunk that unpacks to 8 MiB": with_chunks(
        encode(quarters()), chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(8 << 20)))
    ),
    "text chunks of 66 MiB": with_chunks(
        encode(quarters()), *[chunk(b"tEXt", b"Comment\0" + bytes(1 << 20))] * 66
    ),
    "text chunk with a wrong checksum": with_chunks(
        encode(quarters()), chunk(b"tEXt", b"Comment\0x")[:-1] + b"?"
    ),
    "animation control that makes no sense": with_chunks(encode(quarters()), chunk(b"acTL", b"")),
    "corrupt exif": encode(quarters(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
    "exif of another kind": encode(quarters(), "JPEG", exif=b"Exif\0\0" + b"\xff" * 40),
    "jpeg that is a zip too": encode(quarters(), "JPEG") + b"PK\x03\x04" + b"x" * 100,
    "png that is a script too": encode(quarters()) + b"<script>alert(1)</script>",
    "gif that is a script too": encode(quarters(), "GIF") + b"*/=1;alert(1)",
}


@pytest.mark.parametrize("name", READ)
def test_reads(name: str) -> None:
    assert corners(pixels(READ[name])) == QUARTERS


SIXTEEN_BITS = np.repeat(np.linspace(0, 65535, 8, dtype=np.uint16)[None], 8, axis=0)


def test_scales_sixteen_bits_instead_of_clipping() -> None:
    grey = pixels(encode(Image.fromarray(SIXTEEN_BITS)))
    assert np.array_equal(grey[0, :, 0], SIXTEEN_BITS[0] >> 8)


def sixteen_bit_png(colour_type: int, samples: int, *extra: bytes) -> bytes:
    """Return an 8 by 8 PNG whose samples all are 0x8040."""
    header = struct.pack(">IIBBBBB", 8, 8, 16, colour_type, 0, 0, 0)
    rows = (b"\0" + b"\x80\x40" * 8 * samples) * 8
    chunks = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join([*chunks, chunk(b"IEND", b"")])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (sixteen_bit_png(0, 1), 0x80),
        (sixteen_bit_png(2, 3), 0x80),
        (sixteen_bit_png(4, 2), 0x80 + 0x7F / 2),
        (sixteen_bit_png(6, 4), 0x80 + 0x7F / 2),
        (sixteen_bit_png(2, 3, chunk(b"tRNS", b"\xff\xff" * 3)), 0x80),
        (sixteen_bit_png(0, 1, chunk(b"tRNS", b"\xff\xff")), 0x80),
    ],
    ids=["grey", "rgb", "grey with alpha", "rgba", "rgb with a clear colour", "grey with one"],
)
def test_reads_every_kind_of_sixteen_bit_png(data: bytes, expected: float) -> None:
    assert abs(pixels(data) - expected).max() <= 1


CLEAR_LEFT = np.zeros((8, 8, 4), np.uint8)
CLEAR_LEFT[:, :, 0] = 255
CLEAR_LEFT[:, 4:, 3] = 255


def clear_left_palette() -> Image.Image:
    picture = Image.new("P", (8, 8), 1)
    picture.putpalette([0, 0, 0, *RED])
    picture.paste(0, (0, 0, 4, 8))
    return picture


@pytest.mark.parametrize(
    ("data", "right"),
    [
        (encode(Image.fromarray(CLEAR_LEFT)), RED),
        (encode(Image.fromarray(CLEAR_LEFT), "WEBP", lossless=True), RED),
        (encode(Image.fromarray(CLEAR_LEFT).convert("LA")), (76, 76, 76)),
        (encode(clear_left_palette(), transparency=0), RED),
        (encode(clear_left_palette(), transparency=b"\x00\xff"), RED),
        (encode(clear_left_palette(), "GIF", transparency=0), RED),
        (encode(clear_left_palette().convert("RGB"), transparency=(0, 0, 0)), RED),
        (encode(clear_left_palette().convert("L"), transparency=0), (76, 76, 76)),
    ],
    ids=["rgba", "webp", "la", "index", "palette alpha", "gif", "rgb colour", "grey level"],
)
def test_puts_transparent_pictures_on_white(data: bytes, right: tuple[int, ...]) -> None:
    array = pixels(data)
    assert tuple(array[4, 0]) == WHITE
    assert tuple(array[4, 7]) == right


def keyed_png(depth: int, colour_type: int, left: str, right: str, key: str) -> bytes:
    """Return a PNG 32 pixels wide and high; 8 pixels have the samples `left` or `right`, in hex."""
    row = b"\0" + bytes.fromhex(left) * 2 + bytes.fromhex(right) * 2
    header = struct.pack(">IIBBBBB", 32, 32, depth, colour_type, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), chunk(b"tRNS", bytes.fromhex(key))]
    chunks += [chunk(b"IDAT", zlib.compress(row * 32)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("data", "right"),
    [
        (keyed_png(1, 0, "ff", "00", "0001"), (0, 0, 0)),
        (keyed_png(2, 0, "aaaa", "5555", "0002"), (85, 85, 85)),
        (keyed_png(4, 0, "55555555", "88888888", "0005"), (136, 136, 136)),
        (keyed_png(8, 0, "55" * 8, "88" * 8, "0055"), (136, 136, 136)),
        (keyed_png(16, 0, "0000" * 8, "0001" * 8, "0000"), (0, 0, 0)),
        (keyed_png(16, 0, "8040" * 8, "8140" * 8, "8040"), (129, 129, 129)),
        (keyed_png(8, 2, "123456" * 8, "123457" * 8, "001200340056"), (0x12, 0x34, 0x57)),
        (
            keyed_png(16, 2, "123456789abc" * 8, "123456789abd" * 8, "123456789abc"),
            (0x12, 0x56, 0x9A),
        ),
        (keyed_png(16, 2, "000000000012" * 8, "000000001200" * 8, "000000000012"), (0, 0, 0x12)),
    ],
    ids=["grey 1", "grey 2", "grey 4", "grey 8", "black", "grey 16", "rgb 8", "rgb 16", "blue"],
)
def test_the_colour_key_of_a_png_is_compared_with_the_samples_of_the_file(
    data: bytes, right: tuple[int, ...]
) -> None:
    array = pixels(data, size_px=32)
    assert (array[:, :16] == WHITE).all()
    assert (array[:, 16:] == right).all()


@pytest.mark.parametrize("depth", [8, 16])
def test_a_picture_with_a_colour_key_is_turned_upright(depth: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    extra = chunk(b"eXIf", exif.tobytes()[6:])
    for colour_type, samples in ((0, 1), (2, 3)):
        level = "80" * (depth // 8) * samples * 8
        data = keyed_png(
            depth, colour_type, "00" * len(bytes.fromhex(level)), level, "0000" * samples
        )
        array = pixels(with_chunks(data, extra), size_px=32)
        assert (array[:, :16] == 128).all()
        assert (array[:, 16:] == WHITE).all()


def small_frame_gif(frame: Image.Image, at: tuple[int, int], **options: Any) -> bytes:
    """Return a GIF with a canvas of 32 by 32 pixels, on which its one frame lies at a place."""
    gif = bytearray(encode(frame, "GIF", **options))
    gif[6:10] = struct.pack("<HH", 32, 32)
    start = gif.index(b"\x2c\0\0\0\0")
    gif[start + 1 : start + 5] = struct.pack("<HH", *at)
    return bytes(gif)


@pytest.mark.parametrize("at", [(0, 0), (24, 24), (3, 9)])
@pytest.mark.parametrize("options", [{}, {"transparency": 0}], ids=["opaque", "clear colour"])
def test_what_a_gif_frame_does_not_cover_is_white(at: tuple[int, int], options: Any) -> None:
    frame = Image.new("P", (8, 8), 1)
    frame.putpalette([*RED, 0, 0, 255])
    frame.putpixel((0, 0), 0)
    expected = np.full((32, 32, 3), 255)
    left, top = at
    expected[top : top + 8, left : left + 8] = (0, 0, 255)
    expected[top, left] = WHITE if options else RED
    assert np.array_equal(pixels(small_frame_gif(frame, at, **options), size_px=32), expected)


def test_a_grey_gif_frame_does_not_blacken_the_rest() -> None:
    array = pixels(small_frame_gif(Image.new("L", (8, 8), 90), (0, 0)), size_px=32)
    assert tuple(array[4, 4]) == (90, 90, 90)
    assert tuple(array[20, 20]) == WHITE


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16"])
def test_reads_a_single_pixel_of_any_mode(mode: str) -> None:
    assert pixels(encode(Image.new(mode, (1, 1)))).min() in (0, 255)  # black, or clear


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_pictures_upright(orientation: int, format_: str) -> None:
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = quarters()
    if orientation in back:
        stored = stored.transpose(back[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert corners(pixels(encode(stored, format_, exif=exif))) == QUARTERS


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_ignores_orientations_that_do_not_exist(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert corners(pixels(encode(quarters(), "JPEG", exif=exif))) == QUARTERS


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>'
NOT_READ = {
    "nothing": b"",
    "one byte": b"\xff",
    "text": b"hello, this is no picture",
    "html": b"<!doctype html><title>404</title>",
    "svg": SVG,
    "svg with a declaration": b"<?xml version='1.0'?>" + SVG,
    "heif of another codec": b"\0\0\0\x18ftypmif1\0\0\0\0mif1jpeg" + bytes(100),
    "heif sequence": b"\0\0\0\x18ftyphevc\0\0\0\0msf1hevc" + bytes(100),
    "mp4": b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(100),
    "avif": encode(quarters(), "AVIF"),
    "tiff": encode(quarters(), "TIFF"),
    "big-endian tiff": b"MM\0*" + bytes(100),
    "psd": b"8BPS\0\x01" + bytes(100),
    "eps": encode(quarters(), "EPS"),
    "pdf": encode(quarters(), "PDF"),
    "fits": b"SIMPLE  =                    T" + b" " * 2850,
    "bmp": encode(quarters(), "BMP"),
    "ico": encode(quarters(), "ICO"),
    "ppm": encode(quarters(), "PPM"),
    "jpeg 2000": encode(quarters(), "JPEG2000"),
    "riff that is no webp": b"RIFF\x24\0\0\0WAVEfmt " + bytes(50),
    "jpeg after a blank": b" " + encode(quarters(), "JPEG"),
}


@pytest.mark.parametrize("name", NOT_READ)
def test_other_formats_are_an_invalid_image_format(name: str) -> None:
    error = refusal(NOT_READ[name])
    assert isinstance(error, InvalidImageFormat)
    assert error.code == "invalid_image_format"
    assert ("empty" if not NOT_READ[name] else "HEIC") in error.message


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
WHOLE = {format_: encode(NOISE, format_) for format_ in ("JPEG", "PNG", "WEBP", "GIF")}
WHOLE["progressive JPEG"] = encode(NOISE, "JPEG", progressive=True)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9])
@pytest.mark.parametrize("format_", WHOLE)
def test_truncated_pictures_cannot_be_parsed(format_: str, share: float) -> None:
    data = WHOLE[format_]
    error = refusal(data[: max(int(len(data) * share), 12)])
    assert isinstance(error, ImageParseError)
    assert error.code == "image_parse_error"


CORRUPT = {
    "jpeg of no segments": b"\xff\xd8\xff\xd9",
    "jpeg of zeros": b"\xff\xd8\xff\xe0" + bytes(500),
    "png of zeros": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "png without pixels": encode(quarters())[:33] + chunk(b"IEND", b""),
    "png of zero width": b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 8, 8, 2, 0, 0, 0))
    + encode(quarters())[33:],
    "png whose pixels do not unpack": encode(quarters())[:33]
    + chunk(b"IDAT", b"not zlib at all")
    + chunk(b"IEND", b""),
    "png with a wrong checksum": encode(quarters())[:29] + b"????" + encode(quarters())[33:],
    "webp of zeros": b"RIFF\xff\0\0\0WEBPVP8 " + bytes(200),
    "webp of an unknown chunk": b"RIFF\xff\0\0\0WEBPABCD" + bytes(200),
    "gif of zeros": b"GIF89a" + bytes(200),
    "gif without a frame": b"GIF89a\x08\0\x08\0\0\0\0;",
}


@pytest.mark.parametrize("name", CORRUPT)
def test_corrupt_pictures_cannot_be_parsed(name: str) -> None:
    assert isinstance(refusal(CORRUPT[name]), ImageParseError)


def claims(width: int, height: int) -> dict[str, bytes]:
    """Return headers without a picture that claim a size."""
    jpeg = bytearray(encode(quarters(), "JPEG"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", height, width)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    extended = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    lossy = bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", width & 0x3FFF, height & 0x3FFF)
    bits = (width - 1 & 0x3FFF) | (height - 1 & 0x3FFF) << 14
    lossless = b"\x2f" + struct.pack("<I", bits)
    riff = b"RIFF\xff\xff\0\0WEBP"
    return {
        "JPEG": bytes(jpeg),
        "PNG": b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + encode(quarters())[33:],
        "GIF": b"GIF89a" + struct.pack("<HH", width, height) + encode(quarters(), "GIF")[10:],
        "WEBP": riff + b"VP8X\x0a\0\0\0" + extended + bytes(50),
        "lossy WEBP": riff + b"VP8 \xff\0\0\0" + lossy + bytes(50),
        "lossless WEBP": riff + b"VP8L\xff\0\0\0" + lossless + bytes(50),
    }


@pytest.mark.parametrize("size", [(12_000, 8_000), (15_000, 15_000), (16_383, 16_383)])
@pytest.mark.parametrize("format_", claims(8, 8))
def test_too_many_pixels_are_refused_before_any_is_decoded(
    format_: str, size: tuple[int, int]
) -> None:
    data = claims(*size)[format_]
    before = allocated_blocks()
    error = refusal(data)
    assert isinstance(error, ImageTooLarge)
    assert error.code == "image_too_large"
    assert allocated_blocks() == before


@pytest.mark.parametrize("size", [(65_000, 1), (1, 65_000), (20_001, 2)])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP"])
def test_absurd_sides_are_refused(format_: str, size: tuple[int, int]) -> None:
    assert isinstance(refusal(claims(*size)[format_]), ImageTooLarge)


def test_a_gif_frame_cannot_exceed_the_cap_behind_a_small_screen() -> None:
    gif = bytearray(encode(quarters(), "GIF"))
    at = gif.index(b"\x2c", 13 + 3 * 2 ** ((gif[10] & 7) + 1))
    gif[at + 5 : at + 9] = struct.pack("<HH", 15_000, 15_000)
    assert isinstance(refusal(bytes(gif)), ImageTooLarge)


def test_the_caps_are_those_of_the_settings() -> None:
    data = encode(quarters())
    assert pixels(data, max_pixels=1024, max_side_px=32).shape == (8, 8, 3)
    assert isinstance(refusal(data, max_pixels=1023), ImageTooLarge)
    assert isinstance(refusal(data, max_side_px=31), ImageTooLarge)


def test_pictures_between_pillows_own_limits_are_read_without_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 600)  # it warns from 600, refuses from 1200
    for format_ in ("JPEG", "PNG", "WEBP", "GIF"):
        with warnings.catch_warnings(record=True) as caught:
            assert corners(pixels(encode(quarters(), format_))) == QUARTERS
        assert caught == []


def test_pillows_own_refusal_is_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert isinstance(refusal(encode(quarters(), "WEBP")), ImageTooLarge)


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (3, 9_000)])
def test_extreme_shapes_do_not_grow_in_memory(size: tuple[int, int]) -> None:
    data = encode(Image.new("RGB", size, RED))
    before = allocated_blocks()
    array = pixels(data, size_px=224)
    # Resized whole, the first would be 224 by 4,480,000: 4 GB in blocks of 16 MiB.
    assert allocated_blocks() - before < 20
    assert np.array_equal(array, np.broadcast_to(RED, array.shape))


def test_takes_the_centre_of_extreme_shapes() -> None:
    picture = Image.new("RGB", (2, 2000), "black")
    picture.paste(RED, (0, 999, 2, 1001))
    assert np.array_equal(pixels(encode(picture))[3:5].mean(axis=(0, 1)).round(), RED)
    lying = pixels(encode(picture.transpose(Image.Transpose.TRANSPOSE)))
    assert abs(lying.transpose(1, 0, 2) - pixels(encode(picture))).max() <= 1


def test_decodes_large_jpegs_at_reduced_scale() -> None:
    big = NOISE.resize((1024, 768), Image.Resampling.BICUBIC)
    exact = pixels(encode(big), size_px=64)
    drafted = pixels(encode(big, "JPEG", quality=95), size_px=64)
    assert abs(exact - drafted).mean() < 3
    truncated = encode(big, "JPEG")[:-2000]
    assert isinstance(refusal(truncated), ImageParseError)


@pytest.mark.parametrize("format_", WHOLE)
def test_stops_when_told_to(format_: str) -> None:
    image = ImageBytes(WHOLE[format_], PARAM)
    stop = Stop()
    stop.tell()
    with pytest.raises(Stopped):
        decode(image, size_px=8, settings=ImageSettings(), stop=stop)


def test_asks_whether_to_stop_every_few_kilobytes_of_a_jpeg() -> None:
    class Counted(Stop):
        asked = 0

        def __call__(self) -> bool:
            self.asked += 1
            return False

    data, stop = encode(NOISE.resize((512, 512)), "JPEG", quality=95), Counted()
    decode(ImageBytes(data, PARAM), size_px=512, settings=ImageSettings(), stop=stop)
    assert stop.asked > len(data) / 5000


@pytest.mark.parametrize("format_", WHOLE)
def test_no_mutation_escapes_the_error_tree(format_: str) -> None:
    random = np.random.default_rng(7)
    outcomes = set()
    for _ in range(150):
        data = bytearray(encode(NOISE.resize((16, 16)), format_.split()[-1]))
        for at in random.integers(0, len(data), 3):
            data[at] = random.integers(0, 256)
        try:
            pixels(bytes(data), max_pixels=1_000_000)
            outcomes.add("read")
        except ImageError as error:
            outcomes.add(error.code)
    assert outcomes - {"read"}


def test_text_chunks_are_not_unpacked() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "x" * 5_000_000, zip=True)
    assert corners(pixels(encode(quarters(), pnginfo=info))) == QUARTERS
