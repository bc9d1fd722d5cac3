from collections import Counter

from caption_studio.training.finetune.order import training_order

LENGTHS = [10 + (7 * i) % 40 for i in range(50)]


def test_each_step_has_its_examples_and_all_come_as_often() -> None:
    order = training_order(LENGTHS, steps=25, batch_size=4, seed=1)
    assert [len(step) for step in order] == [4] * 25
    assert set(Counter(index for step in order for index in step).values()) == {2}


def test_examples_of_a_step_are_alike_in_length_and_in_order() -> None:
    order = training_order(LENGTHS, steps=12, batch_size=4, seed=1)
    spans = [[LENGTHS[index] for index in step] for step in order]
    assert all(lengths == sorted(lengths) for lengths in spans)
    assert max(lengths[-1] - lengths[0] for lengths in spans) < 12


def test_the_seed_decides_alone() -> None:
    first, again, other = (
        training_order(LENGTHS, steps=30, batch_size=4, seed=seed) for seed in (3, 3, 4)
    )
    assert first == again != other


def test_steps_are_not_only_in_the_order_of_lengths() -> None:
    order = training_order(LENGTHS, steps=12, batch_size=4, seed=1)
    firsts = [LENGTHS[step[0]] for step in order]
    assert firsts != sorted(firsts)


def test_fewer_examples_than_a_batch_repeat() -> None:
    order = training_order([5, 9], steps=3, batch_size=4, seed=1)
    assert Counter(index for step in order for index in step) == {0: 6, 1: 6}
