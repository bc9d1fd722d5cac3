"""A training that ran out of memory → the same with smaller micro-batches."""

import gc
from collections.abc import Callable
from typing import TypeVar

import torch
from accelerate.utils.memory import should_reduce_batch_size

from caption_studio.training.failures import Interrupted
from caption_studio.training.finetune.setup import Setup

T = TypeVar("T")


def with_less_memory(attempt: Callable[[Setup], T], setup: Setup, say: Callable[[str], None]) -> T:
    """Return what the attempt returns; after an out-of-memory it is made anew with less.

    A step of the optimiser stays what it was: half the captions at a time, twice as many times.
    Raises `Interrupted` if one caption at a time is too much.
    """
    while True:
        try:
            return attempt(setup)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside of `except`, so that the error's frames, and the tensors in them, are gone.
        smaller = setup.smaller()
        if smaller is None:
            raise Interrupted("Memory ran out with one caption at a time: nothing smaller is left.")
        setup = smaller
        _give_back()
        again = ", activations computed again" if setup.checkpointing else ""
        say(
            f"Memory ran out. Going on with {setup.micro_batch} captions at a time, "
            f"{setup.accumulation} times for each step{again}."
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the error says that memory ran out, on a GPU or on the machine."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, Exception) and should_reduce_batch_size(error)


def _give_back() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
