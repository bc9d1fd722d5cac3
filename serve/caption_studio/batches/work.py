"""One batch, worked on by the holder of its lease: read, answered line by line, ended.

It may stop after any step and go on in another gateway. Only what the journal has is done; lines in
flight and those not yet written are answered again.
"""

import logging
from collections.abc import Callable

from caption_studio.batches.answering import Answering
from caption_studio.batches.finish import finish
from caption_studio.batches.lease import Lease
from caption_studio.batches.lines import checked, lines_of
from caption_studio.batches.records import BatchEnd, Ended, LineError, Validated
from caption_studio.batches.states import BatchState
from caption_studio.batches.tools import Tools
from caption_studio.errors import BatchNotFound, FileNotFound

logger = logging.getLogger(__name__)

GONE = LineError("file_not_found", "The input file was deleted.")
TOO_MUCH = LineError("quota_exceeded", "Your files and results reached their limit of bytes.")


async def go_on(
    tools: Tools, owner: str, batch_id: str, lease: Lease, pauses: Callable[[], bool]
) -> bool:
    """Work on a batch until it has ended, or `pauses` says to leave it to others for now.

    Return whether there was anything to do: False for a batch that is only half made.

    Raises `StoreUnavailable`, and `LeaseLost` where another gateway has taken the batch.
    """
    threads, batches = tools.threads, tools.batches
    try:
        state = await threads.run(batches.find, owner, batch_id)
    except BatchNotFound:
        await threads.run(batches.drop_half_made, owner, batch_id)
        return False
    if state.ended is not None:
        await threads.run(batches.close, owner, batch_id)
        return True
    if state.validated is None and not state.is_over(tools.clock()):
        state = await _validated(tools, state)
    if state.validated is not None and state.validated.errors:
        ended = Ended("failed", int(tools.clock()))
        await threads.run(batches.end, owner, batch_id, ended)
        return True
    end: BatchEnd | None
    try:
        end = await Answering(tools, state, pauses).run()
    except FileNotFound:
        await _finish(tools, state, lease, "failed", (GONE,))
        return True
    if end is not None:
        await _finish(tools, state, lease, end, (TOO_MUCH,) if end == "failed" else ())
    return True


async def _validated(tools: Tools, state: BatchState) -> BatchState:
    """Read the whole input file once."""
    request = state.request

    def read() -> Validated:
        try:
            with tools.files.reading(request.owner, request.input_file_id) as source:
                lines = lines_of(source, tools.max_line_bytes)
                total, errors = checked(lines, request.endpoint, tools.max_line_bytes)
        except FileNotFound:
            total, errors = 0, (GONE,)
        return Validated(int(tools.clock()), total, errors)

    validated = await tools.threads.run_long(read)
    kept = await tools.threads.run(
        tools.batches.set_validated, request.owner, request.id, validated
    )
    return BatchState(request, kept, state.cancelled)


async def _finish(
    tools: Tools,
    state: BatchState,
    lease: Lease,
    status: BatchEnd,
    errors: tuple[LineError, ...] = (),
) -> None:
    ended = await tools.threads.run_long(finish, tools, state, lease, status, errors)
    counts = {"completed": ended.completed, "failed": ended.failed, "total": state.total}
    logger.info("batch ended", extra={"batch": state.request.id, "end": status, **counts})
