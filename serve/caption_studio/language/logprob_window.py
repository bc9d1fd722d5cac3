"""A piece of caption → the log probabilities of its tokens, each with its place; pure."""

from collections import deque
from collections.abc import Sequence

import msgspec

from caption_studio.records import TokenLogprob


class LogprobWindow:
    """Finds the tokens that a piece of caption comes from, and their places, by counting bytes.

    Tokens run ahead of the text: vLLM holds back what may be the beginning of a stop word
    or of a character. A token that is only partly in the caption belongs to it.
    """

    def __init__(self) -> None:
        self._waiting: deque[TokenLogprob] = deque()
        self._start = 0  # of the first waiting token, in bytes of the model's text
        self._caption = bytearray()  # so far
        self._counted = 0  # bytes of the caption that lie before the first waiting token …
        self._characters = 0  # … and the characters that end within them

    def feed(self, logprobs: Sequence[TokenLogprob]) -> None:
        """Take the next tokens of the model."""
        self._waiting.extend(logprobs)

    def of(self, text: str, *, skipped_bytes: int) -> tuple[TokenLogprob, ...]:
        """Return the tokens of the next piece of the caption, `text`.

        `skipped_bytes` is how much of the model's text (UTF-8) comes before the caption.
        """
        self._caption += text.encode()
        found = []
        while self._waiting and self._start < skipped_bytes + len(self._caption):
            token = self._waiting.popleft()
            place = self._characters_before(self._start - skipped_bytes)
            # A special token has a name, but no text.
            self._start += 0 if token.is_special else len(token.data)
            if self._start > skipped_bytes or (token.is_special and self._start == skipped_bytes):
                found.append(msgspec.structs.replace(token, text_offset=place))
        return tuple(found)

    def _characters_before(self, end: int) -> int:
        """Return how many characters of the caption end within its first `end` bytes."""
        while self._counted < end:
            self._counted += 1
            is_end = self._counted == len(self._caption) or _begins(self._caption[self._counted])
            self._characters += is_end
        return self._characters


def _begins(byte: int) -> bool:
    """Whether a byte of UTF-8 begins a character."""
    return byte & 0xC0 != 0x80
