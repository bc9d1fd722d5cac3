import base64
import io

import pytest
from PIL import Image

from caption_studio.errors import (
    ImageParseError,
    ImageTooLarge,
    InvalidImageFormat,
    InvalidImageURL,
    InvalidValue,
    NotReady,
)
from caption_studio.images import ImageIntake, workers
from caption_studio.protocols import ImageLoader
from caption_studio.records import FileReference, ImageBytes, ImageReference
from caption_studio.settings import ImageSettings
from tests.unit.images.internet import PARAM, Internet
from tests.unit.images.test_fetch import ADDRESS, PNG, ok

pytestmark = pytest.mark.anyio

RED_SQUARE = bytes([255, 0, 0]) * 16


def data_url(data: bytes) -> ImageReference:
    encoded = base64.b64encode(data).decode()
    return ImageReference(f"data:image/png;base64,{encoded}", PARAM)


def slow_jpeg() -> bytes:
    """Return 16 megapixels in thousands of scans: 60 KB that take minutes to decode."""
    file = io.BytesIO()
    Image.new("L", (4000, 4000)).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last_scan = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last_scan * 3000 + data[-2:]


async def started(internet: Internet | None = None, **settings: object) -> ImageIntake:
    intake = ImageIntake(ImageSettings(**settings), size_px=4, resolver=internet, network=internet)
    await intake.start()
    return intake


async def test_loads_a_data_url() -> None:
    intake: ImageLoader = await started()
    loaded = await intake.load(data_url(PNG))
    pixels = loaded.pixels
    assert loaded.fetch_s == 0 < loaded.decode_s
    assert loaded.decode_queue_s >= 0
    assert (pixels.data, pixels.height_px, pixels.width_px) == (RED_SQUARE, 4, 4)


async def test_a_file_is_read_before_and_elsewhere() -> None:
    intake = await started()
    with pytest.raises(InvalidValue, match="keeps no files") as refused:
        await intake.load(FileReference("file-1", PARAM))
    assert refused.value.param == PARAM


async def test_loads_an_http_url(internet: Internet) -> None:
    internet.names["pictures.example"] = [[ADDRESS]]
    intake = await started(internet)
    async with internet.site(ADDRESS, 80, ok()):
        loaded = await intake.load(ImageReference("http://pictures.example/", PARAM))
    assert loaded.pixels.data == RED_SQUARE
    assert loaded.fetch_s > 0
    await intake.close()


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("data:image/png;base64,!", InvalidValue),
        ("data:text/plain;base64,AAAA", InvalidImageURL),
        ("data:image/png;base64," + "AAAA" * 1000, ImageTooLarge),
        ("data:image/png;base64,AAAA", InvalidImageFormat),
        ("data:image/png;base64,iVBORw0KGgo=", ImageParseError),
        ("http://127.0.0.1/", InvalidImageURL),
        ("", InvalidImageURL),
    ],
)
async def test_every_refusal_names_the_field(url: str, error: type[Exception]) -> None:
    intake = await started(max_bytes=1000)
    with pytest.raises(error) as caught:
        await intake.load(ImageReference(url, PARAM))
    assert caught.value.param == PARAM  # type: ignore[attr-defined]
    await intake.close()


async def test_a_fetched_picture_of_another_format_is_named_so(internet: Internet) -> None:
    intake = await started(internet)
    async with internet.site(ADDRESS, 80, ok(b"<svg/>", media_type="image/svg+xml")):
        with pytest.raises(InvalidImageFormat):
            await intake.load(ImageReference(f"http://{ADDRESS}/", PARAM))
    await intake.close()


async def test_a_picture_that_decodes_for_minutes_is_given_up_on_and_harms_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "_BUSY_SHARE", 0.0)  # however busy this machine is
    intake = await started(decode_workers=1, decode_timeout_s=0.5)
    with pytest.raises(ImageTooLarge) as caught:
        await intake.load(data_url(slow_jpeg()))
    assert caught.value.param == PARAM
    assert (await intake.load(data_url(PNG))).pixels.data == RED_SQUARE
    await intake.close()


async def test_is_not_ready_before_start_and_after_close() -> None:
    intake = ImageIntake(ImageSettings(), size_px=4)
    for _ in range(2):
        with pytest.raises(NotReady):
            await intake.load(data_url(PNG))
        await intake.start()
        await intake.close()


async def test_an_uploaded_picture_is_decoded_and_its_size_is_capped() -> None:
    picture = io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(picture, "PNG")
    image = ImageBytes(picture.getvalue(), "image[0]")
    intake = ImageIntake(ImageSettings(max_bytes=len(image.data)), size_px=8)
    await intake.start()
    try:
        assert (await intake.load(image)).pixels.width_px == 8
        with pytest.raises(ImageTooLarge) as refused:
            await intake.load(ImageBytes(image.data + b"x", "image[1]"))
        assert refused.value.param == "image[1]"
    finally:
        await intake.close()
