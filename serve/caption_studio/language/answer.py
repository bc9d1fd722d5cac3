"""The model's running text → the deltas of each choice, and where each ends; pure.

Not here: which part of the text is the caption (language.caption_cut), which tokens a piece of
it comes from (language.logprob_window).
"""

from collections.abc import Sequence

from caption_studio.language.caption_cut import QuotedCaption, Trimmed, Verbatim
from caption_studio.language.logprob_window import LogprobWindow
from caption_studio.language.stop_words import StopWords
from caption_studio.records import (
    CaptionDelta,
    DeltaGroup,
    FinishReason,
    Prompt,
    TokenLogprob,
)

_Cutter = QuotedCaption | Trimmed | Verbatim


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


def _cutter(prompt: Prompt) -> _Cutter:
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
        self._logprobs = LogprobWindow()
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
