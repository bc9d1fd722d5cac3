"""How much an owner may keep: its files, and the answers of its batches. Blocking.

A batch that has not ended counts with its journal, and as the two result files that will replace
it. What is being written counts too. Two uploads at the same moment may both be the last.
"""

from caption_studio.batches.ids import RESULT_KINDS, result_file_ids
from caption_studio.batches.layout import OPEN, files_folder, journal_folder
from caption_studio.batches.store import Store
from caption_studio.errors import QuotaExceeded
from caption_studio.settings import BatchSettings


class Quota:
    """The quotas of all owners. All methods raise `StoreUnavailable`."""

    def __init__(self, store: Store, settings: BatchSettings) -> None:
        self._store = store
        self._settings = settings

    def check_file(self, owner: str, size_bytes: int) -> None:
        """Raise `QuotaExceeded` where a further file of this size is too many or too much."""
        self._check(owner, more_files=1, more_bytes=size_bytes)

    def check_batch(self, owner: str) -> None:
        """Raise `QuotaExceeded` where the results of a further batch are too many or too much."""
        open_count = len(self._open(owner))
        if open_count >= self._settings.max_batches:
            raise QuotaExceeded(f"{open_count} batches have not ended yet; wait or cancel one.")
        self._check(owner, more_files=len(RESULT_KINDS), more_bytes=1)

    def is_exceeded(self, owner: str) -> bool:
        """Return whether an owner keeps more bytes than it may."""
        return self._kept(owner)[1] > self._settings.max_key_bytes

    def _check(self, owner: str, *, more_files: int, more_bytes: int) -> None:
        settings = self._settings
        count, size_bytes = self._kept(owner)
        if count + more_files > settings.max_files:
            raise QuotaExceeded(
                f"{settings.max_files} files may be kept, results of batches included; "
                "delete one first."
            )
        if size_bytes + more_bytes > settings.max_key_bytes:
            raise QuotaExceeded(
                f"All files together may have at most {settings.max_key_bytes} bytes; "
                "delete one first."
            )

    def _kept(self, owner: str) -> tuple[int, int]:
        """Return the number of an owner's files and their bytes."""
        folder, batch_ids = files_folder(owner), self._open(owner)
        to_come = result_file_ids(batch_ids)
        names = {**self._store.names(folder), **self._store.unfinished(folder)}
        files = [
            size
            for name, size in names.items()
            if ".data" in name and name.partition(".")[0] not in to_come
        ]
        journals = (self._store.names(journal_folder(owner, one)) for one in batch_ids)
        answers_bytes = sum(sum(segments.values()) for segments in journals)
        return len(files) + len(to_come), sum(files) + answers_bytes

    def _open(self, owner: str) -> list[str]:
        """Return the ids of an owner's batches that have not ended."""
        names = self._store.names(OPEN)
        return [name.partition(".")[2] for name in names if name.startswith(f"{owner}.")]
