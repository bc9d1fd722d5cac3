"""Choices of one prompt, a few at a time → the outputs of all.

So a request of a batch for many choices takes no more places of vLLM than batches have.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from vllm import SamplingParams
from vllm.outputs import RequestOutput

Generate = Callable[[SamplingParams], AsyncGenerator[RequestOutput]]


async def in_groups(
    params: SamplingParams, most: int, generate: Generate
) -> AsyncGenerator[RequestOutput]:
    """Yield the outputs of `params.n` choices, of which `most` are generated together.

    A seed gives the same choices as if all were: vLLM adds a choice's index to it
    (vllm/v1/engine/parallel_sampling.py, 0.32.0).
    """
    for first in range(0, params.n, most):
        together = min(most, params.n - first)
        group = params if together == params.n else _part(params, first, together)
        async with aclosing(generate(group)) as outputs:
            async for output in outputs:
                for piece in output.outputs:
                    piece.index += first
                yield output


def _part(params: SamplingParams, first: int, together: int) -> SamplingParams:
    part = params.clone()
    part.n = together
    if part.seed is not None:
        part.seed += first
    return part
