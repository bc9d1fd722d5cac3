"""A body in pieces: the outline and the long strings say what the whole body says."""

import json
import random
import sys
from collections.abc import Iterable
from typing import Any

import pytest
from pydantic_core import from_json

from caption_studio.errors import MalformedJSON, ModelNotFound, RequestError, TooLong
from caption_studio.settings import Settings
from caption_studio.wire.completions_parse import parse_completion
from caption_studio.wire.json_body import JSONBody, JSONReader, Limits, read_whole
from caption_studio.wire.json_strings import LONG_CHARS
from caption_studio.wire.validate import json_object

LONG = LONG_CHARS * 3
PICTURE = "data:image/png;base64," + "iVBO+/" * LONG
LETTERS = 'ab"\\\n\t/é€\U0001f600\u2028 ,[{'


def read(pieces: Iterable[bytes], limits: Limits | None = None) -> JSONBody:
    reader = JSONReader(limits or Limits())
    for piece in pieces:
        reader.feed(piece)
    return reader.end()


def cut(body: bytes, sizes: random.Random) -> Iterable[bytes]:
    start = 0
    while start < len(body):
        size = sizes.choice([1, 5, 6, 11, 12, 100, 10_000])
        yield body[start : start + size]
        start += size


def strings(letters: random.Random) -> str:
    length = letters.choice([0, 1, 20, LONG // 3 - 1, LONG // 3, LONG // 3 + 1, LONG, LONG + 1])
    return "".join(letters.choices(LETTERS, k=length))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("ascii_only", [True, False])
def test_however_a_body_is_cut_it_says_the_same(seed: int, ascii_only: bool) -> None:
    chance = random.Random(seed)
    value = {"a": strings(chance), "b": [strings(chance), {"c": strings(chance)}, 1], "d": None}
    text = json.dumps(value, ensure_ascii=ascii_only, indent=chance.choice([None, 4]))
    body = text.replace("/", chance.choice(["/", "\\/", "\\u002f"])).encode()
    assert json_object(read(cut(body, chance))) == value
    assert json_object(body) == value


def test_a_long_string_is_not_in_the_outline() -> None:
    body = read([json.dumps({"image": PICTURE, "prompt": "a"}).encode()])
    assert len(body.outline) < 100
    assert list(body.long_strings.values()) == [PICTURE]


def test_a_caller_cannot_write_a_mark() -> None:
    (mark,) = read([json.dumps({"image": PICTURE}).encode()]).long_strings
    again = json_object(json.dumps({"prompt": mark, "image": PICTURE}).encode())
    assert again["prompt"] == mark


def test_white_space_around_values_is_no_part_of_the_outline() -> None:
    body = b'{"a": 1,' + b" \n" * 2**20 + b'"b": "' + b" " * 1000 + b'"}' + b"\t" * 2**20
    assert json_object(body) == {"a": 1, "b": " " * 1000}


@pytest.mark.parametrize(
    "inside",
    [
        b"\x01",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\\",
        b"\\x",
        b"\\u12x",
        b"\\ud800",
        b"\\ud800\\u0041",
        b"\\udc00",
    ],
)
def test_a_long_string_that_is_none(inside: bytes) -> None:
    for place in (0, LONG // 2, LONG):
        letters = b"a" * LONG
        body = b'{"a": "' + letters[:place] + inside + letters[place:] + b'"}'
        for pieces in ([body], cut(body, random.Random(place))):
            with pytest.raises(MalformedJSON):
                json_object(read(pieces))


def test_a_long_string_without_an_end() -> None:
    with pytest.raises(MalformedJSON):
        read([b'{"prompt": "' + b"a" * LONG])


TOO_MUCH = {
    "empty turns": (b'{"messages": [' + b'{"role":"user","content":""},' * 300_000, "messages"),
    "empty objects": (b'{"messages": [' + b"{}," * 10**6, "messages"),
    "lists": (b'{"stop": [' + b"[]," * 10**6, "stop"),
    "numbers": (b'{"model": "a", "n": [' + b"1," * 10**6, "n"),
    "strings": (b'{"a": 1, "stop": [' + b'"x",' * 10**6, "stop"),
    "strings of some length": (b'{"stop": [' + (b'"' + b"x" * 8000 + b'",') * 1000, "stop"),
    "a bias": (b'{"logit_bias": {' + b'"1":1,' * 10**6, "logit_bias"),
    "a list": (b"[" + b"[]," * 10**6, None),
    "names": (b"{" + b'"x":1,' * 10**6, "x"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_too_many_values_are_refused_before_they_are_all_read(name: str) -> None:
    body, param = TOO_MUCH[name]
    with pytest.raises(TooLong) as caught:
        read([body])
    assert (caught.value.code, caught.value.param) == ("array_above_max_length", param)


@pytest.mark.parametrize("body", [b'{"n": ' + b"1" * 2**21, b"[" * 2**21, b'{"a":' * 2**20])
def test_too_much_of_what_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJSON):
        read([body])


def refusal(value: Any, limits: Limits) -> tuple[str | None, str | None]:
    with pytest.raises(RequestError) as caught:
        read([json.dumps(value).encode()], limits)
    return caught.value.code, caught.value.param


def test_long_texts_together_have_a_limit() -> None:
    limits = Limits(text_chars=LONG + 10)
    read([json.dumps({"prompt": "a" * LONG, "image": PICTURE}).encode()], limits)
    too_long = ("string_above_max_length", "user")
    assert refusal({"prompt": "a", "user": "a" * (LONG + 11)}, limits) == too_long
    assert refusal({"prompt": "a" * LONG, "user": "a" * LONG}, limits) == too_long


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ({"user": PICTURE}, "user"),
        ({"metadata": {"a": PICTURE}}, "metadata.a"),
        ({"messages": [{"content": [{"type": PICTURE}]}]}, "messages[0].content[0].type"),
        ({"stop": [PICTURE]}, "stop[0]"),
    ],
)
def test_a_picture_may_stand_only_where_pictures_do(value: dict[str, Any], param: str) -> None:
    body = read([json.dumps(value).encode()], Limits(text_chars=LONG))
    with pytest.raises(TooLong) as caught:
        json_object(body)
    assert (caught.value.code, caught.value.param) == ("string_above_max_length", param)


@pytest.mark.parametrize("name", ["x" * 2 * LONG, PICTURE], ids=["text", "picture"])
def test_a_model_with_a_long_name_does_not_exist(name: str) -> None:
    def ask() -> None:
        body = json.dumps({"model": name, "prompt": "a"}).encode()
        read_body = read([body], Limits(text_chars=LONG))
        parse_completion(read_body, request_id="r", settings=Settings())

    with pytest.raises(ModelNotFound) as caught:
        ask()
    assert caught.value.param == "model"


def test_pictures_have_a_limit() -> None:
    parts = [{"type": "image_url", "image_url": {"url": PICTURE}}]
    message = {"role": "user", "content": parts * 3}
    code = refusal({"messages": [message]}, Limits(pictures=2))
    assert code == ("array_above_max_length", "messages")


def test_of_a_picture_over_its_limit_no_more_is_kept_than_shows_it() -> None:
    body = read([json.dumps({"image": PICTURE}).encode()], Limits(picture_chars=100))
    assert list(body.long_strings.values()) == [PICTURE[:101]]


def test_a_field_with_a_long_name_is_refused() -> None:
    with pytest.raises(TooLong) as caught:
        json_object(json.dumps({"a": {"k" * LONG: 1}}).encode())
    assert caught.value.code == "string_above_max_length"


@pytest.mark.parametrize(
    ("value", "param"),
    [({"a": 1}, None), ({"a": {"b": [0, {"c": {}}]}}, "a.b[1].c")],
    ids=["body", "inside"],
)
def test_an_object_may_have_so_many_fields(value: dict[str, Any], param: str | None) -> None:
    fields = {f"x{number}": 1 for number in range(513)}
    inner = value if param is None else value["a"]["b"][1]["c"]
    inner.update(fields)
    with pytest.raises(TooLong) as caught:
        json_object(json.dumps(value).encode())
    assert caught.value.param == param


def test_the_outline_parses_by_itself() -> None:
    assert from_json(read_whole(b'{"a": [1, "b"]}').outline) == {"a": [1, "b"]}


def test_nothing_of_a_body_is_kept() -> None:
    def read(number: int) -> None:
        body = {"messages": [{"content": f"text {number}"}], f"key {number}": number}
        json_object(json.dumps(body).encode())

    for number in range(2_000):
        read(number)
    before = sys.getallocatedblocks()
    for number in range(2_000, 8_000):
        read(number)
    assert sys.getallocatedblocks() - before < 1_000
