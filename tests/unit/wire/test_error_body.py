"""The body is written without the model that documents it; both say the same."""

import json

from caption_studio.errors import EngineFailure, InvalidValue
from caption_studio.wire.answers import ErrorBody
from caption_studio.wire.error_body import error_body


def test_it_is_the_documented_body() -> None:
    for error in (EngineFailure("It fell over."), InvalidValue("„Zu groß“", param="messages[0]")):
        body = error_body(error)
        assert ErrorBody.model_validate_json(body, strict=True).model_dump_json().encode() == body
        assert set(json.loads(body)["error"]) == {"message", "type", "param", "code"}
