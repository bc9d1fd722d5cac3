"""A teacher's HTTP answer → its text and tokens, or what it tells of its failure."""

import httpx

from caption_studio.language.prompt import one_line
from caption_studio.training.chat.failures import error_of
from caption_studio.training.dataset.items import Answer
from caption_studio.training.dataset.texts import well_formed

MAX_REASON_CHARS = 300
MAX_TOKENS = 10**9
"""Of one answer. More is no count, and may be too large for a float."""

_NO_CAPTION = (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError)


def read_answer(answer: httpx.Response) -> Answer:
    """Return text, finish reason and tokens; a text that is null is empty.

    A refusal in OpenAI's own field is the text, with the finish reason `refusal`. Raises
    `ValueError` for what is no chat completion.
    """
    try:
        value = answer.json()
        choice = value["choices"][0]
        text, refusal = choice["message"].get("content"), choice["message"].get("refusal")
        usage = value.get("usage") or {}
        tokens_in = _tokens(usage.get("prompt_tokens"))
        tokens_out = _tokens(usage.get("completion_tokens"))
    except _NO_CAPTION as error:
        raise ValueError("the teacher answered with something that is no caption") from error
    finish_reason = well_formed(str(choice.get("finish_reason") or ""))
    if isinstance(refusal, str) and refusal and not text:
        text, finish_reason = refusal, "refusal"
    if text is not None and not isinstance(text, str):
        raise ValueError("the teacher answered with something that is no text")
    text = well_formed(text or "")
    return Answer(text, finish_reason, tokens_in=tokens_in, tokens_out=tokens_out)


def told_of(answer: httpx.Response) -> str:
    """Return what the teacher says of its failure, with the status, in one line."""
    error = error_of(answer)
    said = error.get("message") or error.get("detail")
    message = well_formed(one_line(said)).rstrip(".") if isinstance(said, str) else ""
    status = f"HTTP status {answer.status_code}"
    return f"{message[:MAX_REASON_CHARS]} ({status})" if message else status


def _tokens(value: object) -> int:
    """Return a count of tokens, 0 for anything that is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 <= value <= MAX_TOKENS else 0
