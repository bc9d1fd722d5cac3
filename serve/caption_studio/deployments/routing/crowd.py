"""Keys of late → whether they are more than one replica can hold."""

from collections import Counter, deque

WINDOW = 1024
"""Requests that are looked back upon."""


class Crowd:
    """Counts the different keys among the last `WINDOW`; `room` of them fit into a replica."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._last: deque[str] = deque()
        self._counts: Counter[str] = Counter()

    def add(self, key: str) -> bool:
        """Count this key; return whether there are more keys than there is room."""
        self._last.append(key)
        self._counts[key] += 1
        if len(self._last) > WINDOW:
            oldest = self._last.popleft()
            self._counts[oldest] -= 1
            if self._counts[oldest] == 0:
                del self._counts[oldest]
        return len(self._counts) > self._room
