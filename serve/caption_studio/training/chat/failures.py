"""A chat model's HTTP answer → what it tells of its failure."""

from typing import Any

import httpx


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the error in the answer, with `message` and `code` where they are stated.

    OpenAI's form is `{"error": {"message": …, "code": …}}`; others leave out a level, or have one
    text alone. Empty if the answer is no such JSON.
    """
    try:
        value = answer.json()
    except (ValueError, RecursionError):  # the second: a body of opening brackets
        return {}
    if not isinstance(value, dict):
        return {}
    error = value.get("error", value)
    return error if isinstance(error, dict) else {"message": error}
