"""vLLM's CPU worker, whose random generators can take back a draw.

It also chooses how older processors multiply (language.vllm_plugins.cpu_half), and how Falcon's
layers are run (language.vllm_plugins.cpu_layers).

A prompt that does not fit into one step is read in several, and the token drawn after all but the
last of them is thrown away. vLLM then takes the draw back by the generator's offset
(vllm/v1/worker/gpu_model_runner.py, `_bookkeeping_sync`, 0.32.0), which generators of CUDA have and
those of a CPU have not: one request with a seed ended the engine. Here their state is restored
instead, so that a seed gives the same answer however its prompt was read.
"""

from collections.abc import Iterator
from typing import Any

import torch
from vllm.v1.worker.cpu_worker import CPUWorker

from caption_studio.language.vllm_plugins.cpu_half import products_of_our_own
from caption_studio.language.vllm_plugins.cpu_layers import run_directly


class RewindingCPUWorker(CPUWorker):  # type: ignore[misc]
    """vLLM's CPU worker with such generators."""

    def init_device(self) -> None:
        """Make the model runner, and have it take back draws by their state."""
        super().init_device()
        if not self.use_v2_model_runner:  # it draws in another way
            take_back_discarded_draws(self.model_runner)

    def load_model(self, *, load_dummy_weights: bool = False) -> None:
        """Load the model, with our matrix products where this processor needs them."""
        with products_of_our_own():
            super().load_model(load_dummy_weights=load_dummy_weights)
        if not self.use_v2_model_runner:  # it keeps its books in another way
            run_directly(self.model_runner)


def take_back_discarded_draws(runner: Any) -> None:
    """Wrap the two steps of a model runner that draw tokens and throw some away."""
    sample, keep_books = runner._sample, runner._bookkeeping_sync

    def sampled(*arguments: Any, **named: Any) -> Any:
        before = [(generator, generator.get_state()) for _, generator in _discarding(runner)]
        output = sample(*arguments, **named)
        for generator, state in before:
            generator.set_state(state)
        return output

    def kept_books(*arguments: Any, **named: Any) -> Any:
        generators = runner.input_batch.generators
        rewound = {row: generators.pop(row) for row, _ in list(_discarding(runner))}
        try:
            return keep_books(*arguments, **named)
        finally:
            generators.update(rewound)

    runner._sample, runner._bookkeeping_sync = sampled, kept_books


def _discarding(runner: Any) -> Iterator[tuple[int, torch.Generator]]:
    """Yield the rows with a seed whose drawn token is thrown away in this step."""
    discards = runner.discard_request_mask.np
    for row, generator in runner.input_batch.generators.items():
        if row < runner.input_batch.num_reqs and discards[row]:
            yield row, generator
