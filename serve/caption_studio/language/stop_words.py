"""The words at which an answer stops, looked for in the text that its reader gets; pure."""

from collections.abc import Sequence


class StopWords:
    """Passes text on up to the first of the words; holds back what may be the beginning of one.

    `stopped` turns true at the first word, which is not passed on, nor is anything after it.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.stopped = False
        self._words = tuple(words)
        self._held = ""

    def feed(self, text: str) -> str:
        """Take the next piece; return what can be passed on by now."""
        if self.stopped:
            return ""
        if not self._words:
            return text
        self._held += text
        places = [place for word in self._words if (place := self._held.find(word)) >= 0]
        if places:
            self.stopped = True
            return self._release(min(places))
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
