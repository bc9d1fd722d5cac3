"""The words at which an answer stops, looked for in the text that its reader gets; pure."""

from collections.abc import Sequence


class StopWords:
    """Passes text on up to the first of the words; holds back what may be the beginning of one.

    `stopped` turns true at the word that is complete first, however the text is cut into pieces.
    Nothing after it is passed on, and it is not either unless `include` says so.
    """

    def __init__(self, words: Sequence[str], *, include: bool = False) -> None:
        self.stopped = False
        self._include = include
        self._words = tuple(words)
        self._held = ""

    def feed(self, text: str, *, may_end: bool = True) -> str:
        """Take the next piece; return what can be passed on by now.

        Unless the text `may_end` by now, a word in the piece is text as well.
        """
        if self.stopped:
            return ""
        if not self._words or not may_end:
            return text
        self._held += text
        found = [
            (start + len(word), start)
            for word in self._words
            if (start := self._held.find(word)) >= 0
        ]
        if found:
            self.stopped = True
            end, start = min(found)
            return self._release(end if self._include else start)
        return self._release(len(self._held) - self._unsure())

    def end(self) -> str:
        """Return what was held back, when no more text comes."""
        return "" if self.stopped else self._release(len(self._held))

    def _release(self, size: int) -> str:
        released, self._held = self._held[:size], self._held[size:]
        return released

    def _unsure(self) -> int:
        """Return how many characters at the end may be the beginning of a word."""
        longest = max(map(len, self._words)) - 1
        for size in range(min(longest, len(self._held)), 0, -1):
            if any(word.startswith(self._held[-size:]) for word in self._words):
                return size
        return 0
