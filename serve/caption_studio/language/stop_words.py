"""Stop words, searched for in the text that the caller gets; pure."""

from collections.abc import Sequence


class StopWords:
    """Passes text on up to the first stop word; holds back text that may begin one.

    `stopped` turns true at the word that is complete first, however the text is cut into pieces.
    Nothing after that word is passed on; the word itself only with `include`.
    """

    def __init__(self, words: Sequence[str], *, include: bool = False) -> None:
        self.stopped = False
        self._include = include
        self._words = tuple(words)
        self._held = ""

    def feed(self, text: str, *, may_end: bool = True) -> str:
        """Take the next piece; return the text that can be passed on.

        While `may_end` is false, a stop word in the piece is ordinary text.
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
        """Return the text held back, when no more comes."""
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
