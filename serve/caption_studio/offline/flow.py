"""Asked → Done, through Ray Data: three pools of workers that stream to one another.

The input is in batches that stay together all the way, as one Arrow table with a column of encoded
messages. A worker that dies is replaced, and its batches are done anew from the input. If a node
dies, the flow ends with `NodeDied`, since its batches cannot all be done anew.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset

from caption_studio.deployments.ending import ending_with_the_engine
from caption_studio.deployments.gc_freeze import leave_out_what_is_loaded
from caption_studio.deployments.scheduling_class import interrupt_nobody
from caption_studio.observability import logging as studio_logging
from caption_studio.offline.block_stats import DropBlockStats
from caption_studio.offline.captioning import CaptioningStage
from caption_studio.offline.decoding import DecodingStage
from caption_studio.offline.describing import DescribingStage
from caption_studio.offline.messages import Asked, Done, Message, decode, encode
from caption_studio.offline.nodes import watched
from caption_studio.offline.plan import ROWS_A_BATCH, Plan, Pool
from caption_studio.offline.rows_ahead import limit_rows_ahead
from caption_studio.offline.stage import Stage, StageLoop
from caption_studio.settings import LoggingSettings, Settings

COLUMN = "message"

TRIES_MORE = 4
"""How often a batch is done anew whose worker died under it. Without an end, a picture that kills
its worker would be tried for ever."""

MakeStage = Callable[[], Stage]


class Worker:
    """What Ray Data calls in each of a stage's processes, from several threads at once."""

    def __init__(self, make: MakeStage, logs: LoggingSettings) -> None:
        studio_logging.configure(logs)
        self._stage = StageLoop(make())
        self._stage.start()
        interrupt_nobody()
        leave_out_what_is_loaded()

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Return the next stage's batch. A worker whose engine is dead ends, and is replaced."""
        with ending_with_the_engine():
            return _table(self._stage.work(_messages(batch)))

    def __del__(self) -> None:
        self._stage.close()


def stages(settings: Settings, models: Sequence[str], plan: Plan) -> tuple[MakeStage, ...]:
    """Return how to make each stage in its processes."""
    most = plan.describers.calls * ROWS_A_BATCH
    return (
        lambda: DecodingStage(settings),
        lambda: DescribingStage(settings, most=most),
        lambda: CaptioningStage(settings, models),
    )


def flow(
    asked: Iterable[Asked], plan: Plan, makers: Sequence[MakeStage], logs: LoggingSettings
) -> Iterator[Done]:
    """Yield the pictures as they are done, in any order, from the Ray that is connected.

    Raises what Ray does if a stage cannot start or can do no more, and `NodeDied`.
    """
    context = DataContext.get_current()
    _prepare(context, plan)
    with watched(context) as nodes:
        # `from_arrow` would start a task for each batch, to look at it.
        dataset: Dataset = ray.data.from_blocks(list(_batches(asked)))
        pools = (plan.decoders, plan.describers, plan.captioners)
        for pool, make in zip(pools, makers, strict=True):
            dataset = _through(dataset, pool, make, logs)
        batches = dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
        for batch in batches:
            nodes.note_progress()
            for message in _messages(batch):
                assert isinstance(message, Done), "a stage has left a picture out"
                yield message


def _through(dataset: Dataset, pool: Pool, make: MakeStage, logs: LoggingSettings) -> Dataset:
    workers = ActorPoolStrategy(
        min_size=pool.least,
        max_size=pool.most,
        max_tasks_in_flight_per_actor=pool.calls + 1,
        max_concurrent_calls_per_actor=pool.calls,
        enable_true_multi_threading=True,
    )
    return dataset.map_batches(
        Worker,
        fn_constructor_args=(make, logs),
        batch_size=None if not pool.needs("num_gpus") else ROWS_A_BATCH,
        batch_format="pyarrow",
        compute=workers,
        udf_modifying_row_count=False,
        max_task_retries=TRIES_MORE,
        **pool.options,
    )


def _prepare(context: DataContext, plan: Plan) -> None:
    # It logs errors with tracebacks before it raises them; its own files have them still.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context.raise_original_map_exception = True
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    limit_rows_ahead(context, plan.batches_ahead)
    context.custom_execution_callback_classes = [DropBlockStats]


def _batches(asked: Iterable[Asked]) -> Iterator[pa.Table]:
    waiting = iter(asked)
    while rows := list(islice(waiting, ROWS_A_BATCH)):
        yield _table(rows)


def _table(messages: Sequence[Message]) -> pa.Table:
    rows = pa.array([encode(message) for message in messages], pa.large_binary())
    return pa.table({COLUMN: rows})


def _messages(batch: pa.Table) -> list[Message]:
    return [decode(row) for row in batch.column(COLUMN).to_pylist()]
