"""HEIC, as phones write it: read like any other format, by a process that can be ended."""

import errno
import io
import struct
import subprocess
from collections.abc import Callable

import numpy as np
import pillow_heif
import psutil
import pytest
from PIL import Image

from caption_studio.errors import (
    EngineFailure,
    ImageError,
    ImageParseError,
    ImageTooLarge,
    InvalidImageFormat,
)
from caption_studio.images import heic
from caption_studio.images.decode import decode
from caption_studio.images.formats import sniff
from caption_studio.images.stop import Stop, Stopped
from caption_studio.records import ImageBytes
from caption_studio.settings import ImageSettings
from tests.unit.images.test_decode import (
    CLEAR_LEFT,
    NOISE,
    PARAM,
    QUARTERS,
    RED,
    WHITE,
    corners,
    encode,
    pixels,
    quarters,
    refusal,
)

pillow_heif.register_heif_opener()  # in the tests alone: it lets Pillow write HEIC


def heif(picture: Image.Image, **options: object) -> bytes:
    """Return the picture as an iPhone's file format, without loss of colour."""
    return encode(picture, "HEIF", quality=-1, chroma=444, **options)


def deep() -> bytes:
    """Return the quarters with ten bits a sample."""
    samples = np.asarray(quarters(), np.uint16) * 257
    file = pillow_heif.from_bytes("RGB;16", (32, 32), samples.tobytes())
    buffer = io.BytesIO()
    file.save(buffer, quality=90, chroma=444)
    return buffer.getvalue()


def rebranded(data: bytes, major: bytes, compatible: bytes) -> bytes:
    """Return the file with another major brand, and another last compatible one."""
    end = int.from_bytes(data[:4], "big")
    return data[:8] + major + data[12 : end - 4] + compatible + data[end:]


def claiming(data: bytes, width_px: int, height_px: int) -> bytes:
    """Return the file with another size in its header."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width_px, height_px) + data[at + 8 :]


def with_a_long_length(data: bytes) -> bytes:
    """Return the file with the length of its `ispe` box in 64 bits, as ISO/IEC 14496-12 allows.

    Two compatible brands make room, so that the coded picture stays where it is.
    """
    end = int.from_bytes(data[:4], "big")
    boxes = bytearray(data[end:])
    for parent in (b"meta", b"iprp", b"ipco"):
        at = boxes.index(parent) - 4
        boxes[at : at + 4] = struct.pack(">I", int.from_bytes(boxes[at : at + 4], "big") + 8)
    at = boxes.index(b"ispe") - 4
    boxes[at : at + 8] = struct.pack(">I4sQ", 1, b"ispe", 28)
    return struct.pack(">I", end - 8) + data[4 : end - 8] + bytes(boxes)


HEIC = heif(quarters())
READ = {
    "heic": HEIC,
    "4:2:0": encode(quarters(), "HEIF", quality=90),
    "several images": heif(
        quarters(), save_all=True, append_images=[Image.new("RGB", (64, 64)), quarters()]
    ),
    "alpha": heif(quarters().convert("RGBA")),
    "palette": heif(quarters().convert("P", palette=Image.Palette.ADAPTIVE)),
    "ten bits": deep(),
    "major brand mif1": rebranded(HEIC, b"mif1", b"heic"),
    "no icc profile": heif(quarters(), icc_profile=b"no profile"),
    "a length in 64 bits": with_a_long_length(HEIC),
    "a script too": HEIC + b"<script>alert(1)</script>",
    "exif that is none": heif(quarters(), exif=b"Exif\0\0" + b"\xff" * 40),
}


@pytest.mark.parametrize("name", READ)
def test_reads(name: str) -> None:
    assert corners(pixels(READ[name])) == QUARTERS


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_pictures_upright(orientation: int) -> None:
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose, by EXIF orientation
    stored = quarters()
    if orientation in back:
        stored = stored.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    by_exif, by_property = heif(stored, exif=exif), heif(stored, exif=exif.tobytes())
    assert (b"irot" in by_property or b"imir" in by_property) == (orientation > 1)
    assert b"irot" not in by_exif
    assert corners(pixels(by_exif)) == corners(pixels(by_property)) == QUARTERS


def test_puts_transparent_pictures_on_white() -> None:
    array = pixels(heif(Image.fromarray(CLEAR_LEFT)))
    assert tuple(array[4, 0]) == WHITE
    assert abs(array[4, 7] - RED).max() < 8


@pytest.mark.parametrize("mode", ["L", "LA", "I;16", "1", "RGBA"])
def test_reads_a_small_picture_of_any_mode(mode: str) -> None:
    pixels(heif(Image.new(mode, (2, 2))))


def test_a_large_picture_comes_reduced_and_looks_the_same() -> None:
    big = NOISE.resize((512, 384), Image.Resampling.BICUBIC)
    assert abs(pixels(encode(big), size_px=32) - pixels(heif(big), size_px=32)).mean() < 3


def test_avif_is_still_another_format() -> None:
    data = encode(quarters(), "AVIF")
    assert isinstance(refusal(data), InvalidImageFormat)
    assert sniff(data) is None


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.95])
def test_truncated_files_cannot_be_parsed(share: float) -> None:
    data = heif(NOISE)
    assert isinstance(refusal(data[: max(int(len(data) * share), 24)]), ImageParseError)


CORRUPT = {
    "zeros after the brand": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(100),
    "nothing after the brand": HEIC[:28],
    "a header that hides how large its picture is": claiming(heif(NOISE.resize((512, 512))), 8, 8),
    "of no size": claiming(HEIC, 0, 0),
    "avif under a heic name": rebranded(encode(quarters(), "AVIF"), b"heic", b"heic"),
}


@pytest.mark.parametrize("name", CORRUPT)
def test_corrupt_files_cannot_be_parsed(name: str) -> None:
    assert isinstance(refusal(CORRUPT[name]), ImageParseError)


@pytest.mark.parametrize(
    "size", [(12_000, 8_000), (16_383, 16_383), (65_000, 1), (20_001, 2), (2**32 - 1, 1)]
)
def test_too_many_pixels_and_absurd_sides_are_refused(size: tuple[int, int]) -> None:
    error = refusal(claiming(HEIC, *size))
    assert isinstance(error, ImageTooLarge)
    assert error.code == "image_too_large"


def test_the_caps_are_those_of_the_settings() -> None:
    data = heif(NOISE)
    assert pixels(data, max_pixels=64 * 64, max_side_px=64).shape == (8, 8, 3)
    assert "4095 are allowed" in refusal(data, max_pixels=4095).message
    assert isinstance(refusal(data, max_side_px=63), ImageTooLarge)


def test_a_size_cannot_hide_behind_a_long_length_or_other_bytes() -> None:
    data = with_a_long_length(heif(NOISE))
    assert heic.sizes_px(data) == [(64, 64)]
    assert isinstance(refusal(data, max_pixels=4095), ImageTooLarge)
    box = struct.pack(">I4sIII", 20, b"ispe", 0, 70_000, 9)
    assert (70_000, 9) in heic.sizes_px(b"\0\0\0\x18free....ispe\1\1\1\1" + box)


@pytest.mark.parametrize("size", [(0, 8), (8, 0)])
def test_a_size_of_zero_is_refused(size: tuple[int, int]) -> None:
    data = claiming(HEIC, *size)
    with pytest.raises(heic.NoPicture):
        heic.sizes_px(data)
    assert isinstance(refusal(data), ImageParseError)


@pytest.mark.parametrize("caps", [{"max_pixels": 4095}, {"max_side_px": 63}])
def test_its_process_keeps_the_caps_too(
    caps: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = heif(NOISE)
    monkeypatch.setattr(heic, "sizes_px", lambda data: [])
    assert isinstance(refusal(data, **caps), ImageTooLarge)


@pytest.mark.parametrize("looks", [0, 1])
def test_its_process_is_ended_when_told_to_stop(looks: int) -> None:
    class Soon(Stop):
        looks = 0

        def __call__(self) -> bool:
            self.looks += 1
            return self.looks > looks

    before = len(psutil.Process().children())
    with pytest.raises(Stopped):
        decode(ImageBytes(HEIC, PARAM), size_px=8, settings=ImageSettings(), stop=Soon())
    assert len(psutil.Process().children()) == before


def dies_of(signal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    start: Callable[..., object] = subprocess.Popen

    def dying(command: list[str], **options: object) -> object:
        return start(["/bin/sh", "-c", f"kill -{signal} $$"], **options)

    monkeypatch.setattr(heic.subprocess, "Popen", dying)


@pytest.mark.parametrize("signal", ["SEGV", "ABRT", "BUS"])
def test_a_decoder_that_dies_takes_nobody_along(
    signal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_of(signal, monkeypatch)
    assert isinstance(refusal(HEIC), ImageParseError)


@pytest.mark.parametrize("signal", ["KILL", "TERM"])
def test_a_decoder_that_is_killed_is_not_the_pictures_fault(
    signal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_of(signal, monkeypatch)
    with pytest.raises(EngineFailure):
        pixels(HEIC)


def test_the_time_of_its_process_is_counted() -> None:
    class Followed(Stop):
        pid = 0

        def follow(self, pid: int) -> None:
            self.pid = pid
            assert psutil.Process(pid).ppid() == psutil.Process().pid

    stop = Followed()
    decode(ImageBytes(HEIC, PARAM), size_px=8, settings=ImageSettings(), stop=stop)
    assert stop.pid


def test_without_a_process_it_is_not_the_pictures_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(heic.subprocess, "Popen", full)
    with pytest.raises(EngineFailure):
        pixels(HEIC)


def test_no_mutation_escapes_the_error_tree() -> None:
    random = np.random.default_rng(7)
    outcomes = set()
    for _ in range(12):
        data = bytearray(HEIC)
        for at in random.integers(12, len(data), 3):
            data[at] = random.integers(0, 256)
        try:
            pixels(bytes(data), max_pixels=1_000_000)
            outcomes.add("read")
        except ImageError as error:
            outcomes.add(error.code)
    assert outcomes
