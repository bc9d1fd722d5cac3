import io
import json
import logging
import threading
import weakref
from collections.abc import Iterator

import pytest

from caption_studio.observability import logging as studio_logging
from caption_studio.observability.logging import JSONFormatter, QueuedLines, request_id


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
    """A file whose disk may be full, a pipe that may hang."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: Exception | None = None
        self.goes_on = threading.Event()
        self.goes_on.set()

    def write(self, text: str) -> int:
        self.goes_on.wait(10)
        if self.failure is not None:
            raise self.failure
        return super().write(text)


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def handler(stream: Stream) -> Iterator[QueuedLines]:
    handler = QueuedLines(stream, max_lines=10)
    handler.start()
    yield handler
    stream.goes_on.set()
    handler.close()


@pytest.fixture
def logger(handler: QueuedLines) -> logging.Logger:
    logger = logging.Logger("of the test")
    logger.addHandler(handler)
    return logger


def test_lines_are_written_in_their_order_by_another_thread(
    logger: logging.Logger, handler: QueuedLines, stream: Stream
) -> None:
    stream.goes_on.clear()
    for number in range(3):
        logger.info("line %d", number)
    assert stream.getvalue() == ""
    stream.goes_on.set()
    handler.flush()
    assert stream.getvalue() == "line 0\nline 1\nline 2\n"


def test_a_line_has_the_id_of_the_request_that_logged_it(
    logger: logging.Logger, handler: QueuedLines, stream: Stream
) -> None:
    handler.setFormatter(JSONFormatter())
    stream.goes_on.clear()
    for name in ("r1", "r2"):
        request_id.set(name)
        logger.info("a", extra={"status": 200})
    request_id.set(None)
    stream.goes_on.set()
    handler.flush()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["request_id"], line["status"]) for line in lines] == [("r1", 200), ("r2", 200)]


def test_what_changes_after_it_was_logged_is_written_as_it_was(
    logger: logging.Logger, handler: QueuedLines, stream: Stream
) -> None:
    stream.goes_on.clear()
    value = ["before"]
    logger.info("%s", value)
    value[0] = "after"
    stream.goes_on.set()
    handler.flush()
    assert stream.getvalue() == "['before']\n"


def test_an_exception_is_written(
    logger: logging.Logger, handler: QueuedLines, stream: Stream
) -> None:
    handler.setFormatter(JSONFormatter())
    try:
        raise KeyError("why")
    except KeyError:
        logger.exception("it failed")
    handler.flush()
    assert "KeyError: 'why'" in json.loads(stream.getvalue())["exception"]


@pytest.mark.parametrize(
    "failure",
    [OSError(28, "No space left on device"), BrokenPipeError(), ValueError("closed file")],
    ids=lambda failure: type(failure).__name__,
)
def test_a_stream_that_fails_costs_its_lines_and_nothing_else(
    logger: logging.Logger,
    handler: QueuedLines,
    stream: Stream,
    failure: Exception,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream.failure = failure
    for level in (logging.INFO, logging.CRITICAL):
        logger.log(level, "lost")
    handler.flush()
    stream.failure = None
    logger.info("written")
    handler.flush()
    assert stream.getvalue() == "written\n"
    assert handler.lost == 2
    assert capsys.readouterr().err == ""


def test_a_line_that_cannot_be_made_costs_nothing_else(
    logger: logging.Logger, handler: QueuedLines, stream: Stream
) -> None:
    logger.info("%d", "no number")
    logger.info("written")
    handler.flush()
    assert (stream.getvalue(), handler.lost) == ("written\n", 1)


def test_no_more_than_so_many_lines_wait_and_the_lost_ones_are_told(
    logger: logging.Logger, handler: QueuedLines, stream: Stream
) -> None:
    stream.goes_on.clear()
    for number in range(100):
        logger.warning("line %d", number)
    waiting = 100 - handler.lost
    assert waiting in (10, 11)  # one may be in the thread's hand
    stream.goes_on.set()
    handler.flush()
    logger.warning("last")
    handler.flush()
    lines = stream.getvalue().splitlines()
    assert len(lines) == waiting + 2
    assert lines[-2:] == ["last", "log lines were lost"]


def test_the_end_of_the_interpreter_writes_the_rest(
    logger: logging.Logger, handler: QueuedLines, stream: Stream
) -> None:
    stream.goes_on.clear()
    threading.Timer(0.1, stream.goes_on.set).start()
    logger.info("last")
    logging.shutdown([weakref.ref(handler)])
    assert stream.getvalue() == "last\n"


def test_the_end_does_not_wait_for_a_pipe_that_hangs(
    logger: logging.Logger,
    handler: QueuedLines,
    stream: Stream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(studio_logging, "END_TIMEOUT_S", 0.01)
    stream.goes_on.clear()
    logger.info("stuck")
    logging.shutdown([weakref.ref(handler)])
    assert stream.getvalue() == ""
