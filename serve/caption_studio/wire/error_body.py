"""The body of every refusal and failure: `answers.ErrorBody`, written without pydantic.

HAProxy's command writes it too, and pydantic would take too long to import there.
"""

import json

from caption_studio.errors import CaptionStudioError


def error_body(error: CaptionStudioError) -> bytes:
    """Return the error's JSON body, all four keys."""
    detail = {
        "message": error.message,
        "type": error.type,
        "param": error.param,
        "code": error.code,
    }
    return json.dumps({"error": detail}, ensure_ascii=False, separators=(",", ":")).encode()
