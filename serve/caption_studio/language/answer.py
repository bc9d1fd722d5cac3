"""The model's running text → the caption in it; pure.

The 2023 adapter answers with the caption between double quotes and then runs on. The
caption is what stands between the first pair of quotes. A model that opens no quote on
the first line of its answer (the base model, another adapter) is taken at its word.
"""

from typing import Literal

from caption_studio.records import CaptionDelta, FinishReason

QUOTE = '"'


class Verbatim:
    """Passes everything on."""

    finished = False

    def feed(self, text: str) -> str:
        """Return `text`."""
        return text

    def end(self) -> str:
        """Return what was held back: nothing."""
        return ""


class QuotedCaption:
    """Cuts one caption out of one answer, piece by piece.

    `finished` turns true at the closing quote: nothing after it is of interest, and the
    generation can be stopped.
    """

    def __init__(self) -> None:
        self.finished = False
        self._held = ""
        self._quoted: bool | None = None  # None: not known yet

    def feed(self, text: str) -> str:
        """Take the next piece of the model's text; return the next piece of the caption."""
        if self.finished:
            return ""
        if self._quoted is None:
            self._held += text
            return self._decide()
        return self._inside(text) if self._quoted else text

    def end(self) -> str:
        """Return what is still held back, when the model has stopped by itself."""
        if self._quoted is None:
            held, self._held = self._held.strip(), ""
            return held
        return ""

    def _decide(self) -> str:
        first_line, line_break, _ = self._held.lstrip().partition("\n")
        if QUOTE in first_line:
            self._quoted = True
            held, self._held = self._held, ""
            return self._inside(held.partition(QUOTE)[2].lstrip())
        if line_break:
            self._quoted = False
            held, self._held = self._held.lstrip(), ""
            return held
        return ""

    def _inside(self, text: str) -> str:
        caption, closing, _ = text.partition(QUOTE)
        self.finished = bool(closing)
        return caption


class Choices:
    """The n choices of one request: what has gathered of each since the last flush.

    `answer` is that of `Prompt`.
    """

    def __init__(
        self, n: int, answer: Literal["quoted", "verbatim"], *, prompt_tokens: int
    ) -> None:
        cutter = QuotedCaption if answer == "quoted" else Verbatim
        self._choices = [_Choice(cutter()) for _ in range(n)]
        self._prompt_tokens = prompt_tokens

    @property
    def finished(self) -> bool:
        """Whether nothing more is wanted of any choice."""
        return all(choice.finish_reason is not None for choice in self._choices)

    @property
    def has_text(self) -> bool:
        """Whether a flush would carry text."""
        return any(choice.text for choice in self._choices)

    def feed(self, index: int, text: str, tokens: int, finish_reason: FinishReason | None) -> None:
        """Take the next piece of the model's text for choice `index`."""
        self._choices[index].feed(text, tokens, finish_reason)

    def flush(self) -> tuple[CaptionDelta, ...]:
        """Return one delta for each choice that has news, in order of their indices."""
        return tuple(
            choice.flush(index, self._prompt_tokens)
            for index, choice in enumerate(self._choices)
            if choice.has_news
        )


class _Choice:
    def __init__(self, cutter: QuotedCaption | Verbatim) -> None:
        self._cutter = cutter
        self._tokens = 0
        self._reported = False
        self.text = ""
        self.finish_reason: FinishReason | None = None

    @property
    def has_news(self) -> bool:
        return not self._reported and bool(self.text or self.finish_reason)

    def feed(self, text: str, tokens: int, finish_reason: FinishReason | None) -> None:
        if self.finish_reason is not None:
            return  # the caption is complete; the engine runs on for another choice
        self.text += self._cutter.feed(text)
        self._tokens += tokens
        if finish_reason is not None:
            self.text += self._cutter.end()
        self.finish_reason = "stop" if self._cutter.finished else finish_reason

    def flush(self, index: int, prompt_tokens: int) -> CaptionDelta:
        delta = CaptionDelta(
            index=index,
            text=self.text,
            completion_tokens=self._tokens,
            prompt_tokens=prompt_tokens,
            finish_reason=self.finish_reason,
        )
        self.text, self._tokens = "", 0
        self._reported = self.finish_reason is not None
        return delta
