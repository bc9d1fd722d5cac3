"""Draws that are thrown away are taken back, by a runner that keeps books as vLLM's does."""

import warnings
from types import SimpleNamespace
from typing import Any

import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM's imports warn
    from caption_studio.language.vllm_plugins.cpu_worker import take_back_discarded_draws


class Runner:
    """Draws a number for each row with a generator; `discards` are rows of half-read prompts."""

    def __init__(self, seeds: dict[int, int], discards: list[bool]) -> None:
        generators = {row: torch.Generator().manual_seed(seed) for row, seed in seeds.items()}
        self.input_batch = SimpleNamespace(generators=generators, num_reqs=len(discards))
        self.discard_request_mask = SimpleNamespace(np=discards)
        self.seen: list[set[int]] = []

    def _sample(self) -> dict[int, float]:
        return {
            row: torch.rand(1, generator=generator).item()
            for row, generator in self.input_batch.generators.items()
        }

    def _bookkeeping_sync(self) -> None:
        self.seen.append(set(self.input_batch.generators))
        for row, discards in enumerate(self.discard_request_mask.np):
            if discards and (generator := self.input_batch.generators.get(row)) is not None:
                generator.set_offset(generator.get_offset() - 4)


def stepped(runner: Any) -> dict[int, float]:
    drawn: dict[int, float] = runner._sample()
    runner._bookkeeping_sync()
    return drawn


def test_a_prompt_read_in_parts_draws_as_one_read_whole() -> None:
    whole, parts = Runner({0: 1, 2: 2}, [False] * 3), Runner({0: 1, 2: 2}, [False, False, True])
    for runner in (whole, parts):
        take_back_discarded_draws(runner)
    first = stepped(parts)
    parts.discard_request_mask.np[2] = False
    expected = stepped(whole)
    assert first[0] == expected[0]
    assert stepped(parts)[2] == expected[2]
    assert parts.seen == [{0}, {0, 2}]
