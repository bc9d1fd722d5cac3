"""Journal → output file and error file, and the batch's end. Blocking: for a worker thread."""

from contextlib import ExitStack

from caption_studio.batches.ids import result_file_id
from caption_studio.batches.lease import Lease, LeaseLost
from caption_studio.batches.lines import requests_of, unanswered_line
from caption_studio.batches.records import BatchEnd, Ended, LineError
from caption_studio.batches.states import BatchState
from caption_studio.batches.streams import StoredWriter
from caption_studio.batches.tools import Tools
from caption_studio.errors import FileNotFound

UNANSWERED = {
    "expired": (
        "batch_expired",
        "This request could not be executed before the completion window expired.",
    ),
    "cancelled": ("batch_cancelled", "This request was not executed: the batch was cancelled."),
}
"""What the error file says of requests that were not made, by the batch's end; else its error."""


def finish(
    tools: Tools,
    state: BatchState,
    lease: Lease,
    status: BatchEnd,
    errors: tuple[LineError, ...] = (),
) -> Ended:
    """Write the results and end the batch. Doing it again writes the same.

    Raises `LeaseLost` if the lease may be another's before anything is there, `StoreUnavailable`.
    """
    request = state.request
    began_at = int(tools.clock())
    counts = {True: 0, False: 0}
    done: set[str] = set()
    with ExitStack() as stack:
        results = _Results(tools, state, stack)
        for custom_id, succeeded, line in tools.batches.journal(request.owner, request.id).lines():
            results.write("output" if succeeded else "error", line)
            counts[succeeded] += 1
            done.add(custom_id)
        why = UNANSWERED.get(status) or next(((one.code, one.message) for one in errors), None)
        if why is not None and state.validated is not None:
            for line in _unanswered(tools, state, done, *why):
                results.write("error", line)
        if not lease.is_held:
            raise LeaseLost
    ended = Ended(
        status,
        int(tools.clock()),
        began_at,
        completed=counts[True],
        failed=counts[False],
        output_file_id=results.ids.get("output"),
        error_file_id=results.ids.get("error"),
        errors=errors,
    )
    tools.batches.end(request.owner, request.id, ended)
    return ended


class _Results:
    """The two result files; one without lines does not exist."""

    def __init__(self, tools: Tools, state: BatchState, stack: ExitStack) -> None:
        self._tools = tools
        self._request = state.request
        self._stack = stack
        self._open: dict[str, StoredWriter] = {}
        self.ids: dict[str, str] = {}

    def write(self, kind: str, line: bytes) -> None:
        if kind not in self._open:
            request = self._request
            file_id = self.ids[kind] = result_file_id(request.id, kind)
            filename = f"{request.id}_{kind}.jsonl"
            self._open[kind] = self._stack.enter_context(
                self._tools.files.result(request.owner, file_id, filename, request.output_s)
            )
        self._open[kind].write(line)


def _unanswered(
    tools: Tools, state: BatchState, done: set[str], code: str, message: str
) -> list[bytes]:
    """Return the lines of the requests that were not made; none if the input file is gone."""
    request = state.request
    found: list[bytes] = []
    try:
        with tools.files.reading(request.owner, request.input_file_id) as source:
            for number, line in requests_of(source, request.endpoint):
                if line.custom_id not in done:
                    request_id = f"{request.id.removeprefix('batch_')}_{number}"
                    found.append(unanswered_line(line.custom_id, request_id, code, message))
    except FileNotFound:
        pass
    return found
