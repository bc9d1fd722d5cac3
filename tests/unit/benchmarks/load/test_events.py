import json

import pytest

from benchmarks.load.events import BadStream, EventReader


def chunk(content: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": reason}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


STREAM = (
    chunk("")
    + b": keep-alive\n\n"
    + chunk("one")
    + chunk('a "finish_reason":"stop" and "error" in a caption')
    + chunk("", "stop")
    + b'data: {"choices": [], "usage": {"completion_tokens": 2}}\n\ndata: [DONE]\n\n'
)


@pytest.mark.parametrize("size", [1, 7, 64, len(STREAM)])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_pieces_of_any_size_read_alike(size: int, newline: bytes) -> None:
    reader = EventReader()
    stream = STREAM.replace(b"\n", newline)
    for at in range(0, len(stream), size):
        reader.feed(stream[at : at + size], 1.0)
    assert reader.done
    assert reader.finished == 1
    assert len(reader.text_at_s) == 2
    assert reader.last["usage"] == {"completion_tokens": 2}


def test_each_piece_of_text_has_the_time_it_came() -> None:
    reader = EventReader()
    for now_s, text in enumerate(["", "a", "b", ""]):
        reader.feed(chunk(text), float(now_s))
    assert reader.text_at_s == [1.0, 2.0]


def test_texts_of_the_older_endpoint_count_too() -> None:
    reader = EventReader()
    reader.feed(b'data: {"choices":[{"text":"a","finish_reason":null}]}\n\n', 1.0)
    assert reader.text_at_s == [1.0]


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"error": {"message": "broke"}}\n\n',
        b'event: error\ndata: {"error": {"message": "broke"}}\n\n',
        b'data: {"usage": {"completion_tokens": \n\n',
    ],
)
def test_a_stream_that_says_it_failed_or_cannot_be_read_is_bad(event: bytes) -> None:
    with pytest.raises(BadStream):
        EventReader().feed(event, 1.0)
