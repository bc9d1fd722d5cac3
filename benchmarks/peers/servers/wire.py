"""The minimum of the OpenAI dialect: chat request with one picture → bytes; caption → answer.

It has no validation, no errors of its own and no streams, like an afternoon's work. Each omission
makes a peer faster, not slower.
"""

import base64
import time
import uuid
from typing import Any


def picture_bytes(body: dict[str, Any]) -> bytes:
    """Return the encoded picture of the first `image_url` part, which holds a data URL."""
    for message in body["messages"]:
        for part in message["content"]:
            if part["type"] == "image_url":
                return base64.b64decode(part["image_url"]["url"].partition(",")[2])
    raise ValueError("the request holds no picture")


def caption_answer(
    model: str, caption: str, *, prompt_tokens: int, completion_tokens: int
) -> dict[str, Any]:
    """Return the chat completion that carries `caption`."""
    return {
        "id": f"chatcmpl-{uuid.uuid4()}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": caption},
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }
