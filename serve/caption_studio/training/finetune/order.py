"""Lengths of examples → which of them each step trains on; pure.

The whole order is fixed before the training begins. So it depends on nothing but the seed: not on
the size of a micro-batch, not on where a training was resumed. Examples of similar length share a
step, and lie in the order of their lengths in it, so that little is padded.
"""

from collections.abc import Iterator, Sequence

import numpy as np

BATCHES_SORTED_TOGETHER = 16


def training_order(
    lengths: Sequence[int], *, steps: int, batch_size: int, seed: int
) -> list[list[int]]:
    """Return the indices of each step's examples, `batch_size` of them in each step.

    No example comes again before all others have come as often, but for the shuffling among
    the 16 steps around the end of an epoch.
    """
    rng = np.random.default_rng(seed)
    stream = _epochs(len(lengths), rng)
    order: list[list[int]] = []
    while len(order) < steps:
        size = min(BATCHES_SORTED_TOGETHER, steps - len(order)) * batch_size
        block = sorted((next(stream) for _ in range(size)), key=lengths.__getitem__)
        batches = [block[start : start + batch_size] for start in range(0, size, batch_size)]
        order += [batches[place] for place in rng.permutation(len(batches))]
    return order


def _epochs(number: int, rng: np.random.Generator) -> Iterator[int]:
    while True:
        yield from rng.permutation(number).tolist()
