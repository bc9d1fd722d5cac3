"""Settings → the files and batches of one store."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from caption_studio.batches.files import Files
from caption_studio.batches.kept import Batches
from caption_studio.batches.store import Store
from caption_studio.batches.threads import StoreThreads
from caption_studio.settings import BatchSettings


@dataclass(frozen=True, slots=True)
class Storage:
    """The files and batches, and the threads in which callers use them."""

    files: Files
    batches: Batches
    threads: StoreThreads

    @classmethod
    def of(cls, settings: BatchSettings, clock: Callable[[], float] = time.time) -> Self | None:
        """Return that of the settings, None where they keep none."""
        if settings.store is None:
            return None
        store = Store(settings.store)
        files, batches = Files(store, settings, clock), Batches(store, settings, clock)
        return cls(files, batches, StoreThreads("files"))
