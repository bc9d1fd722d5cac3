import base64
from urllib.parse import quote

import pytest

from caption_studio.errors import ImageTooLarge, InvalidImageURL, InvalidValue, RequestError
from caption_studio.images import source
from caption_studio.images.source import is_data_url, read_data_url
from caption_studio.records import ImageReference

PARAM = "messages[0].content[0].image_url.url"
LONG = bytes(range(256)) * 8192  # 2 MiB: more than one block of base64


BAD_BASE64 = [
    "",
    " ",
    "Y",
    "YWJjY",
    "YWJj!",
    "YWJj*",
    "YQ=",
    "YQ===",
    "=YQ=",
    "YQ= =YWJj",
    "YQ==YQ==",
    "YWJj%3D",
    "YWJj%",
    "YWJj%2",
    "YWJj%41",
    "YWJj\xa0",
    "YWJ\u0441",
    "\uff39WJj",
]

NOT_AN_IMAGE_IN_BASE64 = [
    "data:",
    "data:,",
    "data:image/png",
    "data:image/png,YWJj",
    "data:image/png;base64",
    "data:image/png;base64;charset=utf-8,YWJj",
    "data:;base64,YWJj",
    "data:base64,YWJj",
    "data:text/html;base64,YWJj",
    "data:application/pdf;base64,YWJj",
    "data:application/octet-stream;base64,YWJj",
    "data:imagepng;base64,YWJj",
    "data://image/png;base64,YWJj",
    "data:image/png;" + "a" * 5000 + ";base64,YWJj",
]


def read(url: str, max_bytes: int = 10_000_000) -> bytes:
    image = read_data_url(ImageReference(url, PARAM), max_bytes=max_bytes)
    assert image.param == PARAM
    return image.data


def data_url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


@pytest.mark.parametrize("url", ["data:,", "DATA:image/png;base64,AAAA", "Data:x", " \ndata:x"])
def test_knows_a_data_url_in_any_case(url: str) -> None:
    assert is_data_url(url)


@pytest.mark.parametrize(
    "url", ["", "data", "http://data:80/", "x data:,", "\xa0data:,", "dat\u0430:,"]
)
def test_knows_what_is_no_data_url(url: str) -> None:
    assert not is_data_url(url)


@pytest.mark.parametrize("data", [b"a", b"ab", b"abc", LONG, LONG + b"x"])
def test_gives_back_the_bytes(data: bytes) -> None:
    assert read(data_url(data)) == data


@pytest.mark.parametrize(
    "head",
    [
        "data:image/png;base64",
        "DATA:IMAGE/PNG;BASE64",
        "data:image/x-odd;a=b;base64",
        "Data:Image/JPEG;Charset=UTF-8;Name=a.jpg;Base64",
        " data: image/png ; base64 ",
        "\ndata:image/png;\r\n base64",
    ],
)
def test_reads_media_types_in_any_case_and_with_parameters(head: str) -> None:
    assert read(head + ",YWJj") == b"abc"


def lines(text: str, chars: int, end: str) -> str:
    return end.join(text[at : at + chars] for at in range(0, len(text), chars)) + end


STANDARD = base64.b64encode(LONG).decode()
FORGIVEN = {
    "lines as of MIME": lines(STANDARD, 76, "\r\n"),
    "lines as of base64(1)": lines(STANDARD, 76, "\n"),
    "blanks everywhere": lines(STANDARD, 1, " "),
    "tabs around": f"\t{STANDARD}\f",
    "URL-safe": base64.urlsafe_b64encode(LONG).decode(),
    "without padding": STANDARD.rstrip("="),
    "URL-safe in lines without padding": lines(
        base64.urlsafe_b64encode(LONG).decode().rstrip("="), 64, "\n"
    ),
    "percent-encoded": quote(STANDARD, safe=""),
    "percent-encoded in small letters": quote(STANDARD, safe="").replace("%2B", "%2b"),
    "percent-encoded lines": quote(lines(STANDARD, 76, "\r\n"), safe=""),
}


@pytest.mark.parametrize("name", FORGIVEN)
def test_reads_base64_as_browsers_and_mail_programs_write_it(name: str) -> None:
    assert read("data:image/png;base64," + FORGIVEN[name]) == LONG


@pytest.mark.parametrize("block_chars", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("data", [b"\xfb", b"\xff\xfe", b"\xfb\xef\xbe", bytes(range(200, 256))])
def test_reads_it_wherever_its_blocks_end(
    data: bytes, block_chars: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_BLOCK_CHARS", block_chars)
    text = base64.b64encode(data).decode()
    for payload in (
        text,
        text.rstrip("="),
        lines(text, 3, "\r\n"),
        quote(text, safe=""),
        quote(lines(text, 2, "\n"), safe=""),
    ):
        assert read("data:image/png;base64," + payload) == data
    for bad in BAD_BASE64:
        with pytest.raises(InvalidValue):
            read("data:image/png;base64," + bad)


def test_an_empty_data_url_is_said_to_be_empty() -> None:
    with pytest.raises(InvalidValue, match="is empty"):
        read("data:image/png;base64, ")


@pytest.mark.parametrize(
    "payload",
    [
        *BAD_BASE64,
        "YWJ\ud800",
        base64.b64encode(LONG).decode() + "Y",
        base64.b64encode(b"x" * 786431).decode() + "YWJj",  # padding at a block's end
        base64.b64encode(b"x" * 786431).decode() + " YWJj",
        base64.b64encode(LONG).decode() + "*",
    ],
)
def test_bad_base64_is_an_invalid_value(payload: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        read("data:image/png;base64," + payload)
    assert (caught.value.code, caught.value.param) == ("invalid_value", PARAM)


@pytest.mark.parametrize(
    "url",
    NOT_AN_IMAGE_IN_BASE64,
)
def test_other_forms_and_media_types_are_an_invalid_image_url(url: str) -> None:
    with pytest.raises(InvalidImageURL) as caught:
        read(url)
    assert (caught.value.code, caught.value.param) == ("invalid_image_url", PARAM)


@pytest.mark.parametrize("over", [1, 2, 3, 4, 1000])
def test_over_the_cap_is_too_large(over: int) -> None:
    assert len(read(data_url(b"x" * 100), max_bytes=100)) == 100
    with pytest.raises(ImageTooLarge) as caught:
        read(data_url(b"x" * (100 + over)), max_bytes=100)
    assert (caught.value.code, caught.value.param) == ("image_too_large", PARAM)


def test_the_cap_is_checked_before_the_base64() -> None:
    with pytest.raises(ImageTooLarge):
        read("data:image/png;base64," + "!" * 1000, max_bytes=100)


def test_white_space_and_escapes_do_not_count_towards_the_cap() -> None:
    data = b"\xff" * 3000
    text = base64.b64encode(data).decode()
    for written in (
        lines(text, 76, "\r\n"),
        lines(text, 76, "%0D%0A"),
        text.replace("/", "%2F", 9),
    ):
        assert len(read("data:image/png;base64," + written, max_bytes=3000)) == 3000
        with pytest.raises(ImageTooLarge):
            read("data:image/png;base64," + written, max_bytes=2990)
    with pytest.raises(ImageTooLarge):
        read("data:image/png;base64,AAAA" + " " * 5000, max_bytes=3000)


def test_no_message_repeats_what_the_caller_sent() -> None:
    with pytest.raises(RequestError) as caught:
        read("data:image/png;base64,SECRET!!")
    assert "SECRET" not in caught.value.message
