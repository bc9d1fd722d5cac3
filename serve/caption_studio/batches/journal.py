"""The answered requests of a batch, kept as they come. Blocking: for a worker thread.

A segment is a file of result lines, written once. Its name has its counts, so that progress is
read from a listing. Lines may stand in two segments if two gateways answered them; the first
counts.
"""

import re
import uuid
from collections.abc import Iterator, Sequence

from caption_studio.batches.lines import read_result
from caption_studio.batches.records import Counts
from caption_studio.batches.store import Store

_NAME = re.compile(r"(\d{8})-[0-9a-f]{8}-c(\d+)-f(\d+)\.jsonl")


class Journal:
    """The segments below one folder of a store. All methods raise `StoreUnavailable`."""

    def __init__(self, store: Store, folder: str) -> None:
        self._store = store
        self._folder = folder
        self._next: int | None = None
        self._writer = uuid.uuid4().hex[:8]

    def counts(self) -> Counts:
        """Return how many requests are answered, about: one may be counted twice."""
        total = Counts()
        for name in self._names():
            if match := _NAME.fullmatch(name):
                total += Counts(int(match[2]), int(match[3]))
        return total

    def append(self, lines: Sequence[bytes], counts: Counts) -> None:
        """Keep some lines, all of them or none."""
        if self._next is None:
            names = self._names()
            self._next = int(names[-1][:8]) + 1 if names else 0
        name = f"{self._next:08d}-{self._writer}-c{counts.completed}-f{counts.failed}.jsonl"
        self._store.put(f"{self._folder}/{name}", b"".join(lines))
        self._next += 1

    def lines(self) -> Iterator[tuple[str, bool, bytes]]:
        """Yield each request's custom_id once, whether it succeeded, and its line."""
        seen: set[str] = set()
        for name in self._names():
            for line in (self._store.get(f"{self._folder}/{name}") or b"").splitlines(True):
                custom_id, succeeded = read_result(line)
                if custom_id not in seen:
                    seen.add(custom_id)
                    yield custom_id, succeeded, line

    def _names(self) -> list[str]:
        return [name for name in self._store.names(self._folder) if _NAME.fullmatch(name)]
