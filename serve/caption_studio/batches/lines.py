"""A line of an input file → the request in it, and an answer → a line of a result file; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from caption_studio.batches.records import LineError

MAX_LINES = 50_000
"""OpenAI's limit for one batch."""

MAX_ERRORS = 100
"""Errors that a failed batch lists."""

MAX_CUSTOM_ID_CHARS = 512
FIELDS = ("custom_id", "method", "url", "body")


@dataclass(frozen=True, slots=True)
class Line:
    """A request of a batch; `body` is JSON as the caller wrote it."""

    custom_id: str
    body: bytes


class _Line(msgspec.Struct):
    custom_id: str
    method: str
    url: str
    body: msgspec.Raw


class _Streamed(msgspec.Struct):
    stream: Any = None


class _Response(msgspec.Struct):
    status_code: int


class _Done(msgspec.Struct):
    custom_id: str
    response: _Response


_read_line = msgspec.json.Decoder(_Line).decode
_read_body = msgspec.json.Decoder(_Streamed).decode
_read_done = msgspec.json.Decoder(_Done).decode


class Lines(Protocol):
    """A file that is read by lines."""

    def readline(self, count: int = -1, /) -> bytes:
        """Return the next line, at most `count` bytes unless it is negative; nothing at the end."""
        ...


def lines_of(source: Lines, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, each with its number in the file, from 1.

    Of a longer one than `max_bytes` just the beginning.
    """
    number = 0
    while line := source.readline(max_bytes + 1):
        number += 1
        rest = line
        while len(line) > max_bytes and rest and not rest.endswith(b"\n"):
            rest = source.readline(max_bytes)
        if line.strip() or len(line) > max_bytes:
            yield number, line


def requests_of(source: Lines, endpoint: str) -> Iterator[tuple[int, Line]]:
    """Yield the requests of a file that was found valid, each with its line's number, from 1.

    Their length is not checked again: a gateway with a larger limit may have found them valid.
    """
    for number, line in enumerate(iter(source.readline, b""), start=1):
        read = _request_in(line, number, endpoint)
        if isinstance(read, Line):
            yield number, read


def parse_line(line: bytes, number: int, endpoint: str, max_bytes: int) -> Line | LineError:
    """Return the request in a line, or why it is none. `number` counts from 1."""
    if len(line) > max_bytes:
        message = f"This line is longer than {max_bytes} bytes."
        return LineError("line_too_long", message, number)
    return _request_in(line, number, endpoint)


def _request_in(line: bytes, number: int, endpoint: str) -> Line | LineError:
    try:
        read = _read_line(line)
        body = _read_body(read.body)
    except msgspec.ValidationError as error:
        return _wrong_field(line, number, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return LineError("invalid_json_line", "This line is not parseable as valid JSON.", number)
    if not 0 < len(read.custom_id) <= MAX_CUSTOM_ID_CHARS:
        message = f"custom_id must have 1 to {MAX_CUSTOM_ID_CHARS} characters."
        return LineError("invalid_custom_id", message, number, "custom_id")
    if read.method != "POST":
        return LineError("invalid_method", "The method must be POST.", number, "method")
    if read.url != endpoint:
        message = f"The url must be the batch's endpoint, {endpoint}."
        return LineError("invalid_url", message, number, "url")
    if body.stream not in (None, False):
        return LineError("invalid_request", "A batch does not stream.", number, "body.stream")
    return Line(read.custom_id, bytes(read.body))


def checked(
    lines: Iterator[tuple[int, bytes]], endpoint: str, max_bytes: int
) -> tuple[int, tuple[LineError, ...]]:
    """Return the number of requests in a file, and the first errors."""
    errors: list[LineError] = []
    seen: set[str] = set()
    count = 0
    for count, (number, line) in enumerate(lines, start=1):
        if count > MAX_LINES:
            message = f"A batch may have at most {MAX_LINES} requests."
            return 0, (LineError("too_many_requests", message),)
        read = parse_line(line, number, endpoint, max_bytes)
        if isinstance(read, Line) and read.custom_id in seen:
            message = f"The custom_id {read.custom_id[:64]!r} stands in an earlier line too."
            read = LineError("duplicate_custom_id", message, number, "custom_id")
        if isinstance(read, Line):
            seen.add(read.custom_id)
        elif len(errors) < MAX_ERRORS:
            errors.append(read)
    if not count:
        errors.append(LineError("empty_file", "There is no request in the file."))
    return count, tuple(errors)


def result_line(custom_id: str, request_id: str, status: int, body: bytes) -> bytes:
    """Return the line that tells an answer; `body` is JSON."""
    response = {"status_code": status, "request_id": request_id, "body": msgspec.Raw(_flat(body))}
    return _line(custom_id, request_id, response, None)


def unanswered_line(custom_id: str, request_id: str, code: str, message: str) -> bytes:
    """Return the line of a request that was not made."""
    return _line(custom_id, request_id, None, {"code": code, "message": message})


def read_result(line: bytes) -> tuple[str, bool]:
    """Return the custom_id of a line that `result_line` wrote, and whether it is of success."""
    done = _read_done(line)
    return done.custom_id, done.response.status_code == 200


def _line(custom_id: str, request_id: str, response: Any, error: Any) -> bytes:
    fields = {
        "id": f"batch_req_{request_id}",
        "custom_id": custom_id,
        "response": response,
        "error": error,
    }
    return msgspec.json.encode(fields) + b"\n"


def _flat(body: bytes) -> bytes:
    """Return JSON without line breaks, which may stand between its values only."""
    return body.translate(None, b"\r\n")


def _wrong_field(line: bytes, number: int, error: Exception) -> LineError:
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return LineError("invalid_json_line", "This line is not parseable as valid JSON.", number)
    if not isinstance(value, dict):
        return LineError("invalid_json_line", "This line is not a JSON object.", number)
    for field in FIELDS:
        if field not in value:
            message = f"Missing required parameter: {field}."
            return LineError("missing_required_parameter", message, number, field)
    wrong = next((f for f in FIELDS[:3] if not isinstance(value[f], str)), "body")
    kind = "an object" if wrong == "body" else "a string"
    return LineError("invalid_type", f"{wrong} must be {kind}.", number, wrong)
