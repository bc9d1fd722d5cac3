"""A writer, or the data itself → its captions of all items, and their measures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from caption_studio.training.evaluation.items import Item
from caption_studio.training.evaluation.measures.collected import caption_measures, left_out
from caption_studio.training.evaluation.measures.copies import TrainingCaptions
from caption_studio.training.evaluation.measures.intervals import Measure
from caption_studio.training.evaluation.measures.perplexity import LEAST_PICTURES, perplexity
from caption_studio.training.evaluation.results import Side
from caption_studio.training.evaluation.writing.speed import BatchTimes, lone_caption_ms
from caption_studio.training.evaluation.writing.writer import GREEDY, SAMPLED, Writer

Progress = Callable[[str, int, int], None]
"""Is told what is done, and how many of how many."""


@dataclass(frozen=True, slots=True)
class Written:
    """A side with its captions: `shown` are those that the judge and the report's reader see."""

    side: Side
    shown: list[str]


def by_writer(
    name: str,
    writer: Writer,
    items: Sequence[Item],
    trained: TrainingCaptions,
    seed: int,
    progress: Progress,
) -> Written:
    """Write a caption for each item, greedily and as the service draws by default; measure them."""
    rows, prompts = [item.row for item in items], [item.prompt for item in items]
    measures: dict[str, Measure] = {}
    reasons: dict[str, str] = {}
    if len({row.key for row in rows}) >= LEAST_PICTURES:
        measures["perplexity"] = _perplexity(name, writer, items, seed, progress)
    else:
        reasons["perplexity"] = f"there are fewer than {LEAST_PICTURES} pictures"
    lone = lone_caption_ms(
        lambda chosen: writer.write(chosen, GREEDY, seed=seed), prompts, seed=seed
    )
    written: dict[str, list[str]] = {}
    speeds: list[Measure] = []
    for manner, drawing in (("greedy", GREEDY), ("sampled", SAMPLED)):
        times = _ToldTimes(f"captions of {name}, {manner}", len(items), progress)
        written[manner] = writer.write(prompts, drawing, seed=seed, wrote=times.wrote)
        found = caption_measures(rows, written[manner], trained)
        measures |= {f"{manner}.{key}": measure for key, measure in found.items()}
        speeds.append(times.per_second(seed=seed))
    measures |= {"captions_per_s": speeds[0], "lone_caption_ms": lone}
    reasons |= left_out(found, trained)
    return Written(Side(name, writer.digest, measures, reasons), written["greedy"])


def as_data(name: str, items: Sequence[Item], trained: TrainingCaptions) -> Written:
    """Return the data's own captions as a side, the first of each item."""
    captions = [item.row.caption for item in items]
    found = caption_measures([item.row for item in items], captions, trained)
    measures = {f"written.{key}": measure for key, measure in found.items()}
    return Written(Side(name, "", measures, left_out(found, trained)), captions)


class _ToldTimes(BatchTimes):
    """The times of batches, each of which `progress` is told of."""

    def __init__(self, stage: str, total: int, progress: Progress) -> None:
        super().__init__()
        self._stage = stage
        self._total = total
        self._progress = progress
        self._done = 0

    def wrote(self, number: int) -> None:
        """Note the time of a batch."""
        super().wrote(number)
        self._done += number
        self._progress(self._stage, self._done, self._total)


def _perplexity(
    name: str, writer: Writer, items: Sequence[Item], seed: int, progress: Progress
) -> Measure:
    pairs = [(item.prompt, row) for item in items for row in item.rows]
    progress(f"perplexity of {name}", 0, len(pairs))
    losses = writer.losses([prompt for prompt, _ in pairs], [row.caption for _, row in pairs])
    return perplexity(losses, [row.key for _, row in pairs], seed=seed)
