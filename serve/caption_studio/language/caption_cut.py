"""The model's running text → the caption in it; pure.

The 2023 adapter answers with the caption between double quotes and then runs on. The
caption is the text between the first pair of quotes. If the first line of an answer has no
quote (the base model, another adapter), the text is used as it is.
"""

from collections.abc import Sequence

from caption_studio.language.stop_words import StopWords

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
