"""A store's open files, and its errors → ours.

Only calls of the storage are translated. What a caller does between them is its own: a mistake
there must not look like a store that cannot be reached.
"""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from caption_studio.errors import CaptionStudioError, StoreFull, StoreUnavailable

logger = logging.getLogger(__name__)

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def translated() -> Iterator[None]:
    """Raise `StoreUnavailable`, or `StoreFull`, for what a storage raises."""
    try:
        yield
    except (CaptionStudioError, TypeError, AttributeError):
        raise  # the last two are a mistake of ours
    except Exception as error:
        # Each of fsspec's file systems raises its own library's exceptions. Their texts may
        # hold addresses and keys, so only the type is logged.
        logger.warning("the store of files failed: %s", type(error).__name__)
        if isinstance(error, OSError) and error.errno in FULL:
            raise StoreFull("The store of files and batches is full.") from error
        raise StoreUnavailable(
            "The store of files and batches cannot be reached or refuses access just now."
        ) from error


class StoredReader:
    """A value that is read. All methods raise `StoreUnavailable`."""

    def __init__(self, source: IO[bytes] | Any) -> None:
        self._source = source

    def read(self, count: int = -1) -> bytes:
        """Return the next bytes, at most `count` of them unless it is negative."""
        with translated():
            return bytes(self._source.read(count))

    def readline(self, count: int = -1) -> bytes:
        """Return the next line, at most `count` bytes of it unless it is negative."""
        with translated():
            return bytes(self._source.readline(count))

    def seek(self, offset: int) -> None:
        """Go on at that byte."""
        with translated():
            self._source.seek(offset)


class StoredWriter:
    """A value that is written. All methods raise `StoreUnavailable`."""

    def __init__(self, target: IO[bytes] | Any) -> None:
        self._target = target

    def write(self, piece: bytes) -> None:
        """Add bytes."""
        with translated():
            self._target.write(piece)

    def tell(self) -> int:
        """Return how many bytes there are."""
        with translated():
            return int(self._target.tell())
