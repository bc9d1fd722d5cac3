"""The model's running text → the caption in it; pure.

The 2023 adapter answers with the caption between double quotes and then runs on. The
caption is the text between the first pair of quotes. If the first line of an answer has no
quote (the base model, another adapter), the text is used as it is.
"""

from collections import deque
from collections.abc import Sequence

import msgspec

from caption_studio.language.stop_words import StopWords
from caption_studio.records import (
    CaptionDelta,
    DeltaGroup,
    FinishReason,
    Prompt,
    TokenLogprob,
)

QUOTE = '"'


class Verbatim:
    """Passes everything on."""

    finished = False
    skipped_bytes = 0

    def feed(self, text: str, *, may_end: bool = True) -> str:
        """Return `text`."""
        return text

    def end(self) -> str:
        """Return what was held back: nothing."""
        return ""


class Trimmed:
    """Drops leading white space; `skipped_bytes` is as in `QuotedCaption`."""

    finished = False

    def __init__(self) -> None:
        self.skipped_bytes = 0
        self._begun = False

    def feed(self, text: str, *, may_end: bool = True) -> str:
        """Return `text`, without the white space that the answer begins with."""
        if self._begun:
            return text
        kept = text.lstrip()
        self.skipped_bytes += len(text.encode()) - len(kept.encode())
        self._begun = bool(kept)
        return kept

    def end(self) -> str:
        """Return what was held back: nothing."""
        return ""


class QuotedCaption:
    """Cuts one caption out of one answer, piece by piece.

    `finished` turns true at the closing quote, so that the generation can be stopped. A caption
    without quotes ends where one of the `next_lines` begins.
    """

    def __init__(self, next_lines: Sequence[str] = ()) -> None:
        self.finished = False
        self._next_lines = StopWords(next_lines)
        self._blank = ""  # white space outside of quotes that may be the caption's end
        self._held = ""
        self._quoted: bool | None = None  # None: not known yet
        self._before_bytes = 0  # of the opening quote and the text before it
        self._caption = Trimmed()

    @property
    def skipped_bytes(self) -> int:
        """Return how much of the model's text (UTF-8) comes before the caption."""
        return self._before_bytes + self._caption.skipped_bytes

    def feed(self, text: str, *, may_end: bool = True) -> str:
        """Take the next piece of the model's text; return the next piece of the caption.

        While `may_end` is false, a closing quote in the piece is ordinary text.
        """
        if self.finished:
            return ""
        if self._quoted is None:
            self._held += text
            return self._decide(may_end)
        return self._inside(text, may_end) if self._quoted else self._outside(text, may_end)

    def end(self) -> str:
        """Return the text still held back, when the model has stopped by itself."""
        if self._quoted is None:
            return self._caption.feed(self._release(0)).rstrip()
        return (self._blank + self._next_lines.end()).rstrip()

    def _decide(self, may_end: bool = True) -> str:
        first_line, line_break, _ = self._held.lstrip().partition("\n")
        if QUOTE in first_line:
            self._quoted = True
            return self._inside(self._release(self._held.index(QUOTE) + 1), may_end)
        if line_break:
            self._quoted = False
            return self._outside(self._caption.feed(self._release(0)), may_end)
        return ""

    def _outside(self, text: str, may_end: bool) -> str:
        text = self._blank + self._next_lines.feed(text, may_end=may_end)
        passed = text.rstrip()
        self._blank = text[len(passed) :]
        self.finished = self._next_lines.stopped
        return passed

    def _release(self, start: int) -> str:
        """Return the held text from `start` on; the text before it is skipped."""
        before, text = self._held[:start], self._held[start:]
        self._before_bytes = len(before.encode())
        self._held = ""
        return text

    def _inside(self, text: str, may_end: bool = True) -> str:
        text = self._caption.feed(text)
        if not may_end:
            return text
        caption, closing, _ = text.partition(QUOTE)
        self.finished = bool(closing)
        return caption


class AnswerEnd:
    """Watches the text of one choice for its end, as the model writes it."""

    def __init__(self, prompt: Prompt) -> None:
        self._cut = _Cut(prompt)

    def feed(self, text: str) -> bool:
        """Take the next piece of the model's text; say whether the answer has ended by now."""
        self._cut.feed(text)
        return self._cut.finished


class Choices:
    """The n choices of one request, each with its text since the last flush.

    `queued` is as in `CaptionDelta`.
    """

    def __init__(self, prompt: Prompt, *, prompt_tokens: int, queued: bool = False) -> None:
        sampling = prompt.sampling
        self._choices = [_Choice(_Cut(prompt), sampling.min_tokens) for _ in range(sampling.n)]
        self._prompt_tokens = prompt_tokens
        self._queued = queued

    @property
    def finished(self) -> bool:
        """Whether every choice has ended."""
        return all(choice.finish_reason is not None for choice in self._choices)

    @property
    def has_text(self) -> bool:
        """Whether a flush would carry text."""
        return any(choice.text for choice in self._choices)

    def feed(
        self,
        index: int,
        text: str,
        tokens: int,
        finish_reason: FinishReason | None,
        logprobs: Sequence[TokenLogprob] = (),
    ) -> None:
        """Take the next piece of the model's text for choice `index`.

        `logprobs` are those of the piece's tokens, where they were asked for.
        """
        self._choices[index].feed(text, tokens, finish_reason, logprobs)

    def flush(self) -> DeltaGroup:
        """Return one delta for each choice with new text or an end, in order of their indices."""
        return tuple(
            choice.flush(index, self._prompt_tokens, queued=self._queued)
            for index, choice in enumerate(self._choices)
            if choice.has_news
        )


def _cutter(prompt: Prompt) -> "_Cutter":
    if prompt.answer == "quoted":
        return QuotedCaption(prompt.stop)
    return Trimmed() if prompt.answer == "trimmed" else Verbatim()


class _Cut:
    """The model's text → the caller's part of it: the caption, up to the caller's stop words."""

    def __init__(self, prompt: Prompt) -> None:
        self._cutter = _cutter(prompt)
        self._stop = StopWords(prompt.sampling.stop, include=prompt.sampling.include_stop)

    @property
    def finished(self) -> bool:
        return self._stop.stopped or self._cutter.finished

    @property
    def skipped_bytes(self) -> int:
        return self._cutter.skipped_bytes

    def feed(self, text: str, *, may_end: bool = True, is_last: bool = False) -> str:
        shown = self._cutter.feed(text, may_end=may_end)
        if is_last:
            shown += self._cutter.end()
        passed = self._stop.feed(shown, may_end=may_end)
        return passed + self._stop.end() if is_last or self._cutter.finished else passed


class _Choice:
    def __init__(self, cut: _Cut, min_tokens: int) -> None:
        self._cut = cut
        self._min_tokens = min_tokens
        self._all_tokens = 0
        self._tokens = 0
        self._reported = False
        self._logprobs = _LogprobWindow()
        self.text = ""
        self.finish_reason: FinishReason | None = None

    @property
    def has_news(self) -> bool:
        return not self._reported and bool(self.text or self.finish_reason)

    def feed(
        self,
        text: str,
        tokens: int,
        finish_reason: FinishReason | None,
        logprobs: Sequence[TokenLogprob],
    ) -> None:
        if self.finish_reason is not None:
            return  # the caption is complete; the engine runs on for another choice
        self._tokens += tokens
        self._all_tokens += tokens
        self._logprobs.feed(logprobs)
        may_end = self._all_tokens >= self._min_tokens
        self.text += self._cut.feed(text, may_end=may_end, is_last=finish_reason is not None)
        self.finish_reason = "stop" if self._cut.finished else finish_reason

    def flush(self, index: int, prompt_tokens: int, *, queued: bool) -> CaptionDelta:
        delta = CaptionDelta(
            index=index,
            text=self.text,
            completion_tokens=self._tokens,
            prompt_tokens=prompt_tokens,
            finish_reason=self.finish_reason,
            logprobs=self._logprobs.of(self.text, skipped_bytes=self._cut.skipped_bytes),
            queued=queued,
        )
        self.text, self._tokens = "", 0
        self._reported = self.finish_reason is not None
        return delta


_Cutter = QuotedCaption | Trimmed | Verbatim


class _LogprobWindow:
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
        self._waiting.extend(logprobs)

    def of(self, text: str, *, skipped_bytes: int) -> tuple[TokenLogprob, ...]:
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
