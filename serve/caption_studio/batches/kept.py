"""The batches of each owner: their records. Blocking: for a worker thread.

`batches/OWNER/ID/` has a batch's records, each written once: `request.json`, `validated.json`,
`cancelled.json`, `ended.json`, the journal and the lease. `open/OWNER.ID` is there while it has not
ended, so that gateways find work by one listing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from caption_studio.batches.ids import BATCH_ID, OWNER, created_at_s, new_batch_id
from caption_studio.batches.journal import Journal
from caption_studio.batches.layout import OPEN, batch_folder, journal_folder, open_mark
from caption_studio.batches.lease import Lease
from caption_studio.batches.quota import Quota
from caption_studio.batches.records import (
    BatchRequest,
    Cancelled,
    Ended,
    Validated,
    decoder,
    encoded,
)
from caption_studio.batches.states import BatchState
from caption_studio.batches.store import Store, StoreFolder
from caption_studio.errors import BatchNotFound, InvalidValue
from caption_studio.settings import BatchSettings

WINDOW_S = 24 * 3600
"""The one completion window, as OpenAI has it."""

DAY_S = 24 * 3600
HALF_MADE_S = 600
"""A batch without its request is the rest of a creation that failed, once it is older than this."""

T = TypeVar("T")
_read_request = decoder(BatchRequest)
_read_validated = decoder(Validated)
_read_cancelled = decoder(Cancelled)
_read_ended = decoder(Ended)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asks a batch for. `output_s`: how long results are kept, None as files are."""

    endpoint: str
    input_file_id: str
    metadata: dict[str, str] | None = None
    output_s: int | None = None


class Batches:
    """All batches in a store. `clock` gives seconds since 1970.

    All methods raise `StoreUnavailable`.
    """

    def __init__(self, store: Store, settings: BatchSettings, clock: Callable[[], float]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._quota = Quota(store, settings)

    def create(self, owner: str, asked: Asked) -> BatchState:
        """Keep a new batch, for a gateway to find. Raises `QuotaExceeded`."""
        self._quota.check_batch(owner)
        now_s = self._clock()
        request = BatchRequest(
            id=new_batch_id(now_s),
            owner=owner,
            endpoint=asked.endpoint,
            input_file_id=asked.input_file_id,
            created_at=int(now_s),
            expires_at=int(now_s) + WINDOW_S,
            output_s=asked.output_s or self._settings.keep_days * DAY_S,
            metadata=asked.metadata,
        )
        # First the mark: a batch that nobody finds would wait for ever.
        self._store.put(open_mark(owner, request.id), b"")
        self._store.put(f"{batch_folder(owner, request.id)}/request.json", encoded(request))
        return BatchState(request)

    def find(self, owner: str, batch_id: str, *, param: str = "id") -> BatchState:
        """Return a batch's state. Raises `BatchNotFound`."""
        request = None
        if BATCH_ID.fullmatch(batch_id):
            request = self._record(owner, batch_id, "request", _read_request)
        if request is None:
            raise BatchNotFound(f"No batch found with id '{batch_id[:64]}'.", param=param)
        counts = self.journal(owner, batch_id).counts()  # first: the end deletes the journal
        return BatchState(
            request,
            self._record(owner, batch_id, "validated", _read_validated),
            self._record(owner, batch_id, "cancelled", _read_cancelled),
            self._record(owner, batch_id, "ended", _read_ended),
            counts,
        )

    def listed(self, owner: str, *, after: str | None, limit: int) -> tuple[list[BatchState], bool]:
        """Return a page of an owner's batches, the newest first, and whether more follow."""
        ids = sorted(self._store.names(f"batches/{owner}"), reverse=True)
        if after is not None:
            ids = [one for one in ids if one < after]
        found: list[BatchState] = []
        for batch_id in ids:
            try:
                state = self.find(owner, batch_id)
            except BatchNotFound:
                continue
            if len(found) == limit:
                return found, True
            found.append(state)
        return found, False

    def cancel(self, owner: str, batch_id: str) -> BatchState:
        """Have no further request begun.

        Raises `BatchNotFound`, `InvalidValue` for a batch that has ended.
        """
        state = self.find(owner, batch_id)
        if state.ended is not None:
            raise InvalidValue(
                f"Cannot cancel a batch with status '{state.status}'.", param="batch_id"
            )
        now = Cancelled(int(self._clock()))
        self._store.put_new(f"{batch_folder(owner, batch_id)}/cancelled.json", encoded(now))
        return self.find(owner, batch_id)

    def open(self) -> list[tuple[str, str]]:
        """Return owner and id of each batch that has not ended, the oldest first."""
        found = []
        for name in self._store.names(OPEN):
            owner, _, batch_id = name.partition(".")
            if BATCH_ID.fullmatch(batch_id):
                found.append((owner, batch_id))
        return sorted(found, key=lambda one: one[1])

    def is_cancelled(self, owner: str, batch_id: str) -> bool:
        """Return whether somebody asked for the end."""
        return self._record(owner, batch_id, "cancelled", _read_cancelled) is not None

    def journal(self, owner: str, batch_id: str) -> Journal:
        """Return a batch's journal."""
        return Journal(self._store, journal_folder(owner, batch_id))

    def lease(self, owner: str, batch_id: str, clock: Callable[[], float]) -> Lease:
        """Return this gateway's view of a batch's lease; `clock` is a monotonic one."""
        return Lease(StoreFolder(self._store, f"{batch_folder(owner, batch_id)}/lease"), clock)

    def set_validated(self, owner: str, batch_id: str, validated: Validated) -> Validated:
        """Keep what was read; return what is kept, which may be another gateway's."""
        name = f"{batch_folder(owner, batch_id)}/validated.json"
        if self._store.put_new(name, encoded(validated)):
            return validated
        kept = self._record(owner, batch_id, "validated", _read_validated)
        return kept or validated

    def end(self, owner: str, batch_id: str, ended: Ended) -> None:
        """Keep the end, once the results are there."""
        self._store.put_new(f"{batch_folder(owner, batch_id)}/ended.json", encoded(ended))
        self.close(owner, batch_id)

    def close(self, owner: str, batch_id: str) -> None:
        """Let nobody find a batch that has ended as work, and delete its journal.

        A gateway that lost the lease may be reading the journal: it drops what it makes of it.
        """
        self._store.delete(journal_folder(owner, batch_id))
        self._store.delete(open_mark(owner, batch_id))

    def drop_half_made(self, owner: str, batch_id: str) -> None:
        """Forget a batch whose creation failed, once it cannot go on any more."""
        if self._clock() - created_at_s(batch_id) > HALF_MADE_S:
            self._store.delete(open_mark(owner, batch_id))

    def sweep(self) -> int:
        """Delete batches that ended long ago; return how many.

        A day after a batch's window nobody holds its lease, or writes answers that came too late.
        """
        still_open = {batch_id for _, batch_id in self.open()}
        count = 0
        for owner in filter(OWNER.fullmatch, self._store.names("batches")):
            for batch_id in filter(BATCH_ID.fullmatch, self._store.names(f"batches/{owner}")):
                folder = batch_folder(owner, batch_id)
                over_s = self._clock() - created_at_s(batch_id) - WINDOW_S
                if batch_id in still_open or over_s < DAY_S:
                    continue
                if over_s >= self._settings.keep_days * DAY_S:
                    self._store.delete(folder)
                    count += 1
                elif self._store.names(f"{folder}/lease"):
                    self._store.delete(journal_folder(owner, batch_id))
                    self._store.delete(f"{folder}/lease")
        return count

    def _record(self, owner: str, batch_id: str, name: str, read: Callable[[bytes], T]) -> T | None:
        value = self._store.get(f"{batch_folder(owner, batch_id)}/{name}.json")
        return None if value is None else read(value)
