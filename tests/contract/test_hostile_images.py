"""Hostile and odd pictures: really encoded bytes of every kind, through data URLs and uploads."""

import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.conftest import ARGS
from tests.contract.hostile import (
    CHAT,
    COMPLETIONS,
    URL_PARAM,
    captioned,
    chat,
    data_url,
    refused,
)
from tests.pictures import held_out
from tests.unit.images.test_decode import (
    CLEAR_LEFT,
    CORRUPT,
    NOISE,
    NOT_READ,
    READ,
    SIXTEEN_BITS,
    WHOLE,
    chunk,
    claims,
    clear_left_palette,
    encode,
    quarters,
    sixteen_bit_png,
)
from tests.unit.images.test_heic import CORRUPT as CORRUPT_HEIC
from tests.unit.images.test_heic import HEIC, claiming
from tests.unit.images.test_heic import READ as READ_HEIC
from tests.unit.images.test_loader import slow_jpeg

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("goes_on")]

MAX_BYTES = ARGS["images"]["max_bytes"]
DECODE_TIMEOUT_S = ARGS["images"]["decode_timeout_s"]


def ask(http: httpx.Client, data: bytes) -> httpx.Response:
    return http.post(CHAT, json=chat(data_url(data)))


def ask_until_judged(http: httpx.Client, data: bytes) -> httpx.Response:
    """Ask up to five times while the service has no processor time for the picture."""
    for _ in range(5):
        if (answer := ask(http, data)).status_code != 504:
            break
    return answer


# Captioned


def tagged(picture: Image.Image, orientation: int, format_: str = "PNG") -> bytes:
    """Store the picture with a tag that says how it is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(picture, format_, exif=exif)


CAPTIONED = {
    **{name: data for name, data in READ.items() if len(data) <= MAX_BYTES},
    **{f"heic: {name}": data for name, data in READ_HEIC.items()},
    "sixteen bits": encode(Image.fromarray(SIXTEEN_BITS)),
    "sixteen bits rgb": sixteen_bit_png(2, 3),
    "sixteen bits rgba": sixteen_bit_png(6, 4),
    "rgba": encode(Image.fromarray(CLEAR_LEFT)),
    "grey with alpha": encode(Image.fromarray(CLEAR_LEFT).convert("LA")),
    "palette with a clear index": encode(clear_left_palette(), transparency=0),
    "palette with alpha": encode(clear_left_palette(), transparency=b"\x00\xff"),
    "gif with a clear index": encode(clear_left_palette(), "GIF", transparency=0),
    **{f"1 by 1 {mode}": encode(Image.new(mode, (1, 1))) for mode in ("1", "L", "P", "LA", "I;16")},
    **{
        f"1 by 1 {format_}": encode(Image.new("RGB", (1, 1)), format_)
        for format_ in ("JPEG", "PNG", "WEBP", "GIF")
    },
    "1 by 20,000": encode(Image.new("RGB", (1, 20_000))),
    "20,000 by 1": encode(Image.new("RGB", (20_000, 1))),
    "64 megapixels, as many as may be": encode(Image.new("L", (8000, 8000))),
    "pixels that unpack to 100 MB more than the picture has": encode(quarters())[:33]
    + chunk(b"IDAT", zlib.compress(bytes(100 << 20)))
    + chunk(b"IEND", b""),
    **{
        f"{format_} with orientation {orientation}": tagged(quarters(), orientation, format_)
        for format_ in ("JPEG", "PNG", "WEBP")
        for orientation in (1, 6, 9)
    },
}


@pytest.mark.parametrize("name", CAPTIONED)
def test_is_captioned(http: httpx.Client, name: str) -> None:
    captioned(ask(http, CAPTIONED[name]))


def sixteen_bits(picture: Image.Image) -> bytes:
    """Write the PNG that Pillow cannot write: RGB with two bytes a sample."""
    width_px, height_px = picture.size
    samples = np.asarray(picture.convert("RGB"), np.uint16) * 257
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = width_px.to_bytes(4, "big") + height_px.to_bytes(4, "big") + b"\x10\2\0\0\0"
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def test_all_ways_to_store_the_same_pixels_get_the_same_description(http: httpx.Client) -> None:
    picture = next(held_out(1)).image
    black = Image.new("RGB", picture.size)
    few = picture.quantize(64).convert("RGB")
    same: list[dict[str, bytes]] = [
        {
            "png": encode(picture),
            "lossless webp": encode(picture, "WEBP", lossless=True),
            "opaque alpha": encode(picture.convert("RGBA")),
            "sixteen bits": sixteen_bits(picture),
            "turned left": tagged(picture.transpose(Image.Transpose.ROTATE_90), 6),
            "turned right": tagged(picture.transpose(Image.Transpose.ROTATE_270), 8),
            "animated png": encode(picture, save_all=True, append_images=[black]),
            "animated webp": encode(
                picture, "WEBP", save_all=True, append_images=[black], lossless=True
            ),
            "corrupt icc profile": encode(picture, icc_profile=b"no profile"),
            "a script too": encode(picture) + b"<script>alert(1)</script>",
        },
        {
            "png": encode(few),
            "palette": encode(few.quantize(64)),
            "gif": encode(few.quantize(64), "GIF"),
            "animated gif": encode(
                few.quantize(64), "GIF", save_all=True, append_images=[black.quantize(64)]
            ),
        },
    ]
    for ways in same:
        descriptions = {}
        for way, data in ways.items():
            answer = ask(http, data)
            captioned(answer)
            descriptions[way] = answer.json()["caption_studio"]["description"]
        assert len(set(descriptions.values())) == 1, descriptions


# Refused


@pytest.mark.parametrize("name", NOT_READ)
def test_another_format(http: httpx.Client, name: str) -> None:
    if name == "nothing":  # is no base64 either
        refused(ask(http, NOT_READ[name]), 400, "invalid_value", URL_PARAM)
    else:
        refused(ask(http, NOT_READ[name]), 400, "invalid_image_format", URL_PARAM)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("format_", WHOLE)
def test_truncated(http: httpx.Client, format_: str, share: float) -> None:
    data = WHOLE[format_]
    answer = ask(http, data[: max(int(len(data) * share), 12)])
    refused(answer, 400, "image_parse_error", URL_PARAM)


@pytest.mark.parametrize("data", [*CORRUPT.values(), *CORRUPT_HEIC.values()])
def test_corrupt(http: httpx.Client, data: bytes) -> None:
    refused(ask(http, data), 400, "image_parse_error", URL_PARAM)


@pytest.mark.parametrize("size", [(12_000, 8_000), (65_000, 1), (1, 20_001)])
def test_a_heic_of_too_many_pixels(http: httpx.Client, size: tuple[int, int]) -> None:
    refused(ask(http, claiming(HEIC, *size)), 400, "image_too_large", URL_PARAM)


@pytest.mark.parametrize("size", [(12_000, 8_000), (16_383, 16_383)])
@pytest.mark.parametrize("format_", claims(8, 8))
def test_too_many_pixels(http: httpx.Client, format_: str, size: tuple[int, int]) -> None:
    refused(ask(http, claims(*size)[format_]), 400, "image_too_large", URL_PARAM)


@pytest.mark.parametrize("size", [(65_000, 1), (1, 65_000), (20_001, 2)])
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP"])
def test_absurd_sides(http: httpx.Client, format_: str, size: tuple[int, int]) -> None:
    refused(ask(http, claims(*size)[format_]), 400, "image_too_large", URL_PARAM)


def frame_larger_than_the_screen() -> bytes:
    gif = bytearray(encode(quarters(), "GIF"))
    at = gif.index(b"\x2c", 13 + 3 * 2 ** ((gif[10] & 7) + 1))
    gif[at + 5 : at + 9] = (15_000).to_bytes(2, "little") * 2
    return bytes(gif)


BOMBS = {
    "a picture of 225 megapixels in 220 KB": encode(Image.new("1", (15_000, 15_000))),
    "a webp of 256 megapixels": encode(Image.new("L", (16_000, 16_000)), "WEBP", lossless=True),
    "a gif frame of 225 megapixels on a small screen": frame_larger_than_the_screen(),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_before_they_are_decoded(http: httpx.Client, name: str) -> None:
    assert len(BOMBS[name]) < 1_000_000
    refused(ask(http, BOMBS[name]), 400, "image_too_large", URL_PARAM)


SLOW_JPEG = slow_jpeg()


def test_a_decode_that_takes_minutes_is_given_up_on_at_its_deadline(http: httpx.Client) -> None:
    answer = ask_until_judged(http, SLOW_JPEG)
    refused(answer, 400, "image_too_large", URL_PARAM)
    assert answer.elapsed.total_seconds() < DECODE_TIMEOUT_S + 5


def test_slow_decodes_do_not_keep_others_waiting(http: httpx.Client) -> None:
    with ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(ask_until_judged, http, SLOW_JPEG)]
        served = 0
        while not slow[0].done():
            captioned(ask(http, WHOLE["PNG"]))
            assert http.get("/healthz").status_code == 200
            served += 1
    refused(slow[0].result(), 400, "image_too_large", URL_PARAM)
    assert served > 1


def test_random_mutations_are_captioned_or_refused(http: httpx.Client) -> None:
    random = np.random.default_rng(11)
    codes = {"image_parse_error", "image_too_large", "invalid_image_format"}
    for format_ in ("JPEG", "PNG", "WEBP", "GIF"):
        for _ in range(15):
            data = bytearray(encode(NOISE.resize((16, 16)), format_))
            for at in random.integers(0, len(data), 3):
                data[at] = random.integers(0, 256)
            answer = ask(http, bytes(data))
            if answer.status_code != 200:
                code = answer.json()["error"]["code"]
                assert code in codes
                refused(answer, 400, code, URL_PARAM)


# Uploads


def upload(http: httpx.Client, *pictures: bytes, **fields: str) -> httpx.Response:
    files: Any = [("image", ("a.png", data, "image/png")) for data in pictures]
    return http.post(COMPLETIONS, data={"max_tokens": "1", **fields}, files=files)


def test_an_upload_is_captioned_whatever_it_is_called(http: httpx.Client) -> None:
    captioned(upload(http, READ["webp"]))
    captioned(upload(http, HEIC))
    for name in ("../../etc/passwd", "a\0b", "", "x" * 10_000):
        files = {"image": (name, READ["png"], "text/html")}
        answer = http.post(COMPLETIONS, data={"max_tokens": "1"}, files=files)
        assert answer.status_code in (200, 400), answer.text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "invalid_image_format"),
        (NOT_READ["svg"], "invalid_image_format"),
        (WHOLE["PNG"][:500], "image_parse_error"),
        (claims(15_000, 15_000)["JPEG"], "image_too_large"),
        (READ["png"].ljust(MAX_BYTES + 1, b"\0"), "image_too_large"),
    ],
    ids=["empty", "svg", "truncated", "pixels", "bytes"],
)
def test_an_upload_is_judged_like_a_data_url(http: httpx.Client, data: bytes, code: str) -> None:
    refused(upload(http, READ["png"], data), 400, code, "image[1]")


def test_too_many_uploads(http: httpx.Client) -> None:
    refused(upload(http, *[READ["png"]] * 9), 400, "array_above_max_length", "image")
