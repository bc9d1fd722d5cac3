"""The files of each owner: their records and their bytes. Blocking: for a worker thread.

`files/OWNER/ID.json` is the record and `files/OWNER/ID.data` the content. The content is written
first, so a file with a record is whole.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO

from caption_studio.batches.ids import FILE_ID, OWNER, created_at_s, new_file_id, result_file_ids
from caption_studio.batches.layout import OPEN, content, files_folder, record
from caption_studio.batches.quota import Quota
from caption_studio.batches.records import Purpose, StoredFile, decoder, encoded
from caption_studio.batches.store import CHUNK_BYTES, Store
from caption_studio.batches.streams import StoredReader, StoredWriter
from caption_studio.errors import FileNotFound
from caption_studio.settings import BatchSettings

DAY_S = 24 * 3600
ABANDONED_S = DAY_S
"""Content without a record is the rest of an upload that failed, once it is older than this."""

UNFINISHED_S = 3600.0
"""What was not written to for so long has no writer any more: an upload takes minutes."""

_read = decoder(StoredFile)


class Files:
    """All files in a store, within `quota`. `clock` gives seconds since 1970.

    All methods raise `StoreUnavailable`.
    """

    def __init__(self, store: Store, settings: BatchSettings, clock: Callable[[], float]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self.quota = Quota(store, settings)

    def create(
        self,
        owner: str,
        source: IO[bytes],
        *,
        size_bytes: int,
        filename: str,
        purpose: Purpose,
        keep_s: int | None = None,
    ) -> StoredFile:
        """Keep an upload. Raises `QuotaExceeded` for one too many or too much."""
        self.quota.check_file(owner, size_bytes)
        now_s = self._clock()
        file = StoredFile(
            id=new_file_id(now_s),
            bytes=size_bytes,
            created_at=int(now_s),
            expires_at=int(now_s) + (keep_s or self._settings.keep_days * DAY_S),
            filename=filename,
            purpose=purpose,
        )
        with self._store.writing(content(owner, file.id)) as target:
            while chunk := source.read(CHUNK_BYTES):
                target.write(chunk)
        self._store.put(record(owner, file.id), encoded(file))
        return file

    @contextmanager
    def result(
        self, owner: str, file_id: str, filename: str, keep_s: int
    ) -> Iterator[StoredWriter]:
        """Give a result of a batch to write; it replaces one that was written before."""
        size_bytes = 0
        with self._store.writing(content(owner, file_id)) as target:
            yield target
            size_bytes = target.tell()
        now_s = int(self._clock())
        file = StoredFile(
            id=file_id,
            bytes=size_bytes,
            created_at=now_s,
            expires_at=now_s + keep_s,
            filename=filename,
            purpose="batch_output",
        )
        self._store.put(record(owner, file_id), encoded(file))

    def find(self, owner: str, file_id: str, *, param: str = "id") -> StoredFile:
        """Return a file's record. Raises `FileNotFound`, also for one that has expired."""
        value = None
        if FILE_ID.fullmatch(file_id):
            value = self._store.get(record(owner, file_id))
        if value is None or (file := _read(value)).expires_at <= self._clock():
            raise FileNotFound(f"No such File object: {file_id[:64]}.", param=param)
        return file

    def listed(
        self,
        owner: str,
        *,
        after: str | None = None,
        limit: int,
        newest_first: bool = True,
        purpose: str | None = None,
    ) -> tuple[list[StoredFile], bool]:
        """Return a page of an owner's files, and whether more follow."""
        ids = [name.removesuffix(".json") for name in self._records(owner)]
        if newest_first:
            ids.reverse()
        if after is not None:
            ids = [one for one in ids if (one < after if newest_first else one > after)]
        found: list[StoredFile] = []
        for file_id in ids:
            value = self._store.get(record(owner, file_id))
            if value is None or (file := _read(value)).expires_at <= self._clock():
                continue
            if purpose is not None and file.purpose != purpose:
                continue
            if len(found) == limit:
                return found, True
            found.append(file)
        return found, False

    @contextmanager
    def reading(self, owner: str, file_id: str) -> Iterator[StoredReader]:
        """Give a file's content. Raises `FileNotFound`."""
        with ExitStack() as stack:
            try:
                source = stack.enter_context(self._store.reading(content(owner, file_id)))
            except KeyError:
                raise FileNotFound(f"No such File object: {file_id}.", param="id") from None
            yield source

    def delete(self, owner: str, file_id: str) -> None:
        """Delete a file. Raises `FileNotFound`."""
        self.find(owner, file_id)
        self._remove(owner, file_id)

    def sweep(self) -> int:
        """Delete what has expired and what failed uploads left; return how many files."""
        now_s = self._clock()
        count = self._store.delete_unfinished(now_s - UNFINISHED_S)
        # Read before the files: a batch that ends meanwhile has the records of its results.
        batch_ids = (name.partition(".")[2] for name in self._store.names(OPEN))
        to_come = result_file_ids(batch_ids)
        for owner in filter(OWNER.fullmatch, self._store.names("files")):
            names = self._store.names(files_folder(owner))
            for name in names:
                file_id, _, kind = name.partition(".")
                if not FILE_ID.fullmatch(file_id):
                    continue  # not ours, such as what a file manager leaves
                if kind == "json":
                    value = self._store.get(record(owner, file_id))
                    is_old = value is not None and _read(value).expires_at <= now_s
                else:
                    may_be_left = f"{file_id}.json" not in names and file_id not in to_come
                    is_old = may_be_left and self._is_abandoned(owner, file_id, now_s)
                if is_old:
                    self._remove(owner, file_id)
                    count += 1
        return count

    def _is_abandoned(self, owner: str, file_id: str, now_s: float) -> bool:
        """Return whether content is old enough and still has no record."""
        is_old = now_s - created_at_s(file_id) > ABANDONED_S
        return is_old and self._store.get(record(owner, file_id)) is None

    def _remove(self, owner: str, file_id: str) -> None:
        self._store.delete(record(owner, file_id))
        self._store.delete(content(owner, file_id))

    def _records(self, owner: str) -> Sequence[str]:
        return [name for name in self._store.names(files_folder(owner)) if name.endswith(".json")]
