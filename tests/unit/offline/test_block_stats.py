"""What Ray Data notes of single batches is dropped at each step."""

from types import SimpleNamespace

from caption_studio.offline.block_stats import DropBlockStats


def test_the_figures_of_single_batches_are_dropped() -> None:
    source, stage = SimpleNamespace(), SimpleNamespace(_output_blocks_stats=["first", "second"])
    kept = stage._output_blocks_stats
    DropBlockStats().on_execution_step(SimpleNamespace(_topology=[source, stage]))
    assert kept == []
    assert stage._output_blocks_stats is kept
