import pytest
import torch

from caption_studio.training.failures import Interrupted
from caption_studio.training.finetune.out_of_memory import is_out_of_memory, with_less_memory
from caption_studio.training.finetune.setup import Setup

CPU = "[enforce fail at alloc_cpu.cpp:117] data. DefaultCPUAllocator: can't allocate memory: you"


class FakeTraining:
    """Runs out of memory above so many captions at a time."""

    def __init__(self, most: int, error: BaseException) -> None:
        self.most, self.error, self.tried = most, error, []

    def __call__(self, setup: Setup) -> str:
        self.tried.append(setup)
        if setup.micro_batch > self.most:
            raise self.error
        return "trained"


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory. Tried to"), RuntimeError(CPU), MemoryError()],
)
def test_the_same_step_is_made_of_smaller_micro_batches(error: BaseException) -> None:
    training, said = FakeTraining(4, error), []
    begun = Setup(16, 2, checkpointing=False)
    assert with_less_memory(training, begun, said.append) == "trained"
    assert [(s.micro_batch, s.accumulation) for s in training.tried] == [(16, 2), (8, 4), (4, 8)]
    assert said[-1] == (
        "Memory ran out. Going on with 4 captions at a time, 8 times for each step."
    )


def test_when_nothing_smaller_is_left_it_ends_with_a_sentence() -> None:
    training = FakeTraining(0, MemoryError())
    with pytest.raises(Interrupted, match="one caption at a time"):
        with_less_memory(training, Setup(2, 1, checkpointing=False), lambda _: None)
    assert [(s.micro_batch, s.checkpointing) for s in training.tried] == [
        (2, False),
        (2, True),
        (1, True),
    ]


def test_another_error_is_not_taken_for_it() -> None:
    training = FakeTraining(4, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        with_less_memory(training, Setup(16, 1, checkpointing=False), lambda _: None)
    assert len(training.tried) == 1
    assert not is_out_of_memory(KeyError("x"))
