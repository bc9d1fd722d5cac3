import pytest

from caption_studio.training.failures import Refused
from caption_studio.training.finetune.machine import Machine
from caption_studio.training.finetune.memory import Shape
from caption_studio.training.finetune.recipe import Recipe
from caption_studio.training.finetune.setup import (
    Setup,
    duration,
    fitting_setup,
    predicted_s,
    work_of,
)
from tests.unit.training.finetune.test_memory import FALCON_7B, TARGETS

SHAPE = Shape.of(FALCON_7B, 16, TARGETS)


def gpu(free_gb: float) -> Machine:
    return Machine("cuda", "a GPU", "bfloat16", int(free_gb * 1e9), 400e12)


def test_a_large_gpu_takes_the_whole_batch_and_keeps_activations() -> None:
    setup, taken = fitting_setup(Recipe(batch_size=16), gpu(80), SHAPE, 150)
    assert setup == Setup(16, 1, checkpointing=False)
    assert taken.total < 80e9


def test_a_small_one_takes_smaller_micro_batches_of_the_same_step() -> None:
    setup, _ = fitting_setup(Recipe(batch_size=16), gpu(20), SHAPE, 150)
    assert setup.micro_batch * setup.accumulation == 16
    assert setup != Setup(16, 1, checkpointing=False)


def test_activations_are_computed_again_before_micro_batches_get_tiny() -> None:
    setups = [
        fitting_setup(Recipe(batch_size=16), gpu(gb), SHAPE, 600)[0] for gb in (80, 30, 20, 17)
    ]
    assert all(s.micro_batch >= 4 or s.checkpointing for s in setups)
    assert setups[-1].checkpointing


def test_qlora_fits_where_lora_does_not() -> None:
    with pytest.raises(Refused, match="--quantize nf4"):
        fitting_setup(Recipe(), gpu(12), SHAPE, 150)
    setup, taken = fitting_setup(Recipe(quantize="nf4"), gpu(12), SHAPE, 150)
    assert taken.total < 12e9
    assert setup.micro_batch >= 1


def test_what_cannot_fit_is_refused_with_the_arithmetic() -> None:
    with pytest.raises(Refused) as refused:
        fitting_setup(Recipe(quantize="nf4"), gpu(2), SHAPE, 150)
    sentence = str(refused.value)
    for part in ("150 tokens", "GB base model", "adapter and optimiser", "reserve", "2.0 GB free"):
        assert part in sentence
    assert "--quantize" not in sentence


def test_the_user_may_ask_for_fewer_at_a_time() -> None:
    setup, _ = fitting_setup(Recipe(batch_size=16), gpu(80), SHAPE, 150, most=3)
    assert (setup.micro_batch, setup.accumulation) == (2, 8)


def test_smaller_set_ups_end() -> None:
    setup: Setup | None = Setup(12, 1, checkpointing=False)
    seen = []
    while setup is not None:
        assert setup.micro_batch * setup.accumulation == 12
        seen.append((setup.micro_batch, setup.checkpointing))
        setup = setup.smaller()
    assert seen == [(12, False), (6, False), (3, False), (3, True), (1, True)]


def test_time_grows_with_the_work_and_falls_with_the_speed() -> None:
    setup = Setup(16, 1, checkpointing=False)
    work = work_of([100] * 32, [range(16), range(16, 32)], [100] * 4, 3)
    more = work_of([100] * 32, [range(16), range(16, 32)] * 5, [100] * 4, 3)
    assert (work.trained, work.examples, work.evaluated) == (3200, 32, 1200)
    slow, fast = gpu(80), Machine("cuda", "a GPU", "bfloat16", 1, 800e12)
    recipe = Recipe()
    base = predicted_s(recipe, slow, SHAPE, setup, work)
    assert predicted_s(recipe, slow, SHAPE, setup, more) > 3 * base
    assert predicted_s(recipe, fast, SHAPE, setup, work) < base
    again = Setup(16, 1, checkpointing=True)
    assert predicted_s(recipe, slow, SHAPE, again, work) > base


def test_durations_are_said_for_people() -> None:
    assert [duration(s) for s in (0.2, 89, 600, 7200)] == ["1 s", "89 s", "10 minutes", "2.0 hours"]
