import json
import logging

from caption_studio.observability.logging import JSONFormatter, request_id


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
