"""Lines of input files: which are requests, and why the others are none."""

import json
from io import BytesIO

import pytest

from caption_studio.batches.lines import (
    MAX_ERRORS,
    MAX_LINES,
    Line,
    checked,
    lines_of,
    parse_line,
    read_result,
    requests_of,
    result_line,
    unanswered_line,
)
from caption_studio.batches.records import LineError
from tests.unit.batches.support import ENDPOINT, line

MAX_BYTES = 1000


def read(text: str | bytes) -> Line | LineError:
    raw = text if isinstance(text, bytes) else text.encode()
    return parse_line(raw, 7, ENDPOINT, MAX_BYTES)


def test_a_request_keeps_its_body_as_it_was_written() -> None:
    head = f'{{"custom_id": "a", "method": "POST", "url": "{ENDPOINT}", '
    text = head + '"body": {"n" : 1.50}}'
    assert read(text) == Line("a", b'{"n" : 1.50}')


@pytest.mark.parametrize(
    ("text", "code", "param"),
    [
        ("no json", "invalid_json_line", None),
        ('{"custom_id": "a"', "invalid_json_line", None),
        ("[" * 900, "invalid_json_line", None),
        (b"\xff\xfe", "invalid_json_line", None),
        ("[]", "invalid_json_line", None),
        ("{}", "missing_required_parameter", "custom_id"),
        ('{"custom_id": "a"}', "missing_required_parameter", "method"),
        (line("a", custom_id=1), "invalid_type", "custom_id"),
        (line("a", body=[]), "invalid_type", "body"),
        (line("a", body=None), "invalid_type", "body"),
        (line("", body={}), "invalid_custom_id", "custom_id"),
        (line("x" * 513, body={}), "invalid_custom_id", "custom_id"),
        (line("a", method="GET"), "invalid_method", "method"),
        (line("a", url="/v1/embeddings"), "invalid_url", "url"),
        (line("a", url="http://elsewhere/v1/chat/completions"), "invalid_url", "url"),
        (line("a", body={"stream": True}), "invalid_request", "body.stream"),
        ("x" * (MAX_BYTES + 1), "line_too_long", None),
    ],
)
def test_what_is_no_request_is_told_with_its_line(
    text: str | bytes, code: str, param: str | None
) -> None:
    error = read(text)
    assert isinstance(error, LineError)
    assert (error.code, error.line, error.param) == (code, 7, param)


def check(*texts: str) -> tuple[int, tuple[LineError, ...]]:
    return checked(lines_of(BytesIO("\n".join(texts).encode()), MAX_BYTES), ENDPOINT, MAX_BYTES)


def test_blank_lines_and_a_missing_last_line_break_are_nothing() -> None:
    assert check(line("a"), "", "  ", line("b")) == (2, ())


def test_a_custom_id_stands_once() -> None:
    _, (error,) = check(line("a"), line("b"), line("a"))
    assert (error.code, error.line) == ("duplicate_custom_id", 3)


def test_an_errors_line_is_its_number_in_the_file_with_blank_ones() -> None:
    _, errors = check("", line("a"), " ", "x", "", line("a"))
    assert [error.line for error in errors] == [4, 6]


def test_a_line_of_blanks_over_the_limit_hides_no_request() -> None:
    count, (error,) = check(line("a"), " " * 2 * MAX_BYTES + line("b"))
    assert (count, error.code, error.line) == (2, "line_too_long", 2)


def test_requests_of_a_valid_file_may_be_longer_than_the_limit_is_now() -> None:
    texts = [line("a"), "", line("b", body={"user": "x" * 2 * MAX_BYTES})]
    found = list(requests_of(BytesIO("\n".join(texts).encode()), ENDPOINT))
    assert [(number, one.custom_id) for number, one in found] == [(1, "a"), (3, "b")]


def test_an_empty_file_is_an_error() -> None:
    assert check("", "\n")[1][0].code == "empty_file"


def test_50_000_requests_are_a_batch_and_one_more_is_none() -> None:
    texts = [line(str(number), body={}) for number in range(MAX_LINES + 1)]
    assert check(*texts[:-1]) == (MAX_LINES, ())
    _, (error,) = check(*texts)
    assert error.code == "too_many_requests"


def test_errors_are_listed_up_to_a_number() -> None:
    assert len(check(*["x"] * (MAX_ERRORS + 50))[1]) == MAX_ERRORS


def test_a_line_over_the_limit_is_passed_over_without_being_kept() -> None:
    texts = ["x" * 5 * MAX_BYTES, line("a")]
    (_, long), (_, good) = lines_of(BytesIO("\n".join(texts).encode()), MAX_BYTES)
    assert len(long) == MAX_BYTES + 1
    assert isinstance(read(good), Line)
    (one,) = lines_of(BytesIO(b"x" * 3 * MAX_BYTES), MAX_BYTES)
    assert one == (1, b"x" * (MAX_BYTES + 1))


def test_a_result_line_has_openais_form_and_is_one_line() -> None:
    text = result_line("a", "r1", 200, b'{\n "x": "1\\n2"\n}')
    assert text.count(b"\n") == 1
    assert json.loads(text) == {
        "id": "batch_req_r1",
        "custom_id": "a",
        "response": {"status_code": 200, "request_id": "r1", "body": {"x": "1\n2"}},
        "error": None,
    }
    assert read_result(text) == ("a", True)
    assert read_result(result_line("b", "r2", 400, b"{}")) == ("b", False)


def test_a_request_that_was_not_made_has_an_error_and_no_response() -> None:
    value = json.loads(unanswered_line("a", "r1", "batch_expired", "Too late."))
    assert value["response"] is None
    assert value["error"] == {"code": "batch_expired", "message": "Too late."}
