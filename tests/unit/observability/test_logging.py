import io
import json
import logging
import time

import pytest

from caption_studio.observability.logging import MAX_LINES, JSONFormatter, LineBatches, request_id


def test_a_line_is_one_json_object_with_the_request_id_and_the_extras() -> None:
    record = logging.makeLogRecord(
        {"name": "n", "levelname": "INFO", "msg": "two\nlines", "status": 200, "created": 0.0}
    )
    request_id.set("r1")
    line = JSONFormatter().format(record)
    assert "\n" not in line
    value = json.loads(line)
    assert value["message"] == "two\nlines"
    assert (value["request_id"], value["status"], value["level"]) == ("r1", 200, "INFO")
    assert value["time"].startswith("1970-01-01T00:00:00")


class Stream(io.StringIO):
    """Counts the writes."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def logger(stream: Stream) -> logging.Logger:
    """Return one whose lines are kept until something has them written."""
    logger = logging.Logger("of the test")
    logger.addHandler(LineBatches(stream))
    return logger


def test_lines_are_written_together_by_the_handlers_thread(
    logger: logging.Logger, stream: Stream
) -> None:
    (handler,) = logger.handlers
    assert isinstance(handler, LineBatches)
    for number in range(3):
        logger.info("line %d", number)
    assert stream.getvalue() == ""
    handler.start()
    deadline_s = time.monotonic() + 10
    while stream.getvalue() != "line 0\nline 1\nline 2\n":
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    assert stream.writes == 1


def test_a_warning_is_written_at_once_after_what_came_before_it(
    logger: logging.Logger, stream: Stream
) -> None:
    logger.info("before")
    logger.warning("now")
    assert stream.getvalue() == "before\nnow\n"


def test_no_more_than_so_many_lines_are_kept(logger: logging.Logger, stream: Stream) -> None:
    for _ in range(MAX_LINES):
        logger.info("line")
    assert stream.getvalue().count("\n") == MAX_LINES


def test_the_end_of_the_interpreter_writes_the_rest(logger: logging.Logger, stream: Stream) -> None:
    logger.info("last")
    logging.shutdown()
    assert stream.getvalue() == "last\n"
