"""What a CUDA graph's recording must be spared; on a machine without a GPU."""

import gc
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from caption_studio.vision.graphs import CudaGraphs


@pytest.fixture
def no_gpu_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = SimpleNamespace(wait_stream=lambda _: None)
    stands_in: dict[str, Any] = {
        "graph_pool_handle": lambda: None,
        "Stream": lambda: stream,
        "current_stream": lambda: stream,
        "stream": lambda _: nullcontext(),
        "graph": lambda *_, **__: nullcontext(),
        "CUDAGraph": lambda: SimpleNamespace(replay=lambda: None),
    }
    for name, value in stands_in.items():
        monkeypatch.setattr(torch.cuda, name, value)


@pytest.mark.usefixtures("no_gpu_needed")
def test_no_garbage_is_collected_while_a_graph_is_recorded() -> None:
    collects: list[bool] = []
    CudaGraphs()(lambda: collects.append(gc.isenabled()))
    assert collects == [True, False]  # the first run is not recorded
    assert gc.isenabled()


@pytest.mark.usefixtures("no_gpu_needed")
def test_a_recording_that_fails_leaves_the_collector_as_it_was() -> None:
    runs: list[int] = []

    def run() -> None:
        runs.append(1)
        if len(runs) > 1:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        CudaGraphs()(run)
    assert gc.isenabled()
