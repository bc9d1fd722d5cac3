"""Packed captions are learnt as they would be alone."""

import pytest
import torch
from transformers import FalconForCausalLM
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from caption_studio.training.finetune.examples import IGNORED
from caption_studio.training.finetune.packing import PACKED_TOKENS, PackingCollator, packed
from tests.unit.training.finetune.tiny import tiny_config


def example(length: int, seed: int) -> dict[str, list[int]]:
    made = torch.randint(1, 1000, (length,), generator=torch.Generator().manual_seed(seed))
    input_ids = made.tolist()
    return {"input_ids": input_ids, "labels": [IGNORED] * (length // 2) + input_ids[length // 2 :]}


@pytest.fixture(scope="module")
def model() -> FalconForCausalLM:
    torch.manual_seed(3)
    made = FalconForCausalLM(tiny_config(max_position_embeddings=2048, initializer_range=0.3))
    made.set_attn_implementation("sdpa")
    return made.eval()


def test_each_example_is_in_one_sequence_that_holds_it() -> None:
    lengths = [300, 200, 220, 90, 500, 12]
    sequences = packed(lengths, 512)
    assert sorted(index for members in sequences for index in members) == list(range(6))
    assert all(sum(lengths[index] for index in members) <= 512 for members in sequences)
    assert len(sequences) == 3


def test_one_that_is_too_long_has_a_sequence_to_itself() -> None:
    assert packed([900, 10, 20], 512) == [[0], [2, 1]]


def test_loss_and_gradients_are_those_of_padded_examples(model: FalconForCausalLM) -> None:
    examples = [example(length, seed) for seed, length in enumerate((30, 200, 260, 75, 120))]
    found = []
    for collate in (DataCollatorForLanguageModeling(0), PackingCollator(0)):
        model.zero_grad()
        loss = model(**collate(examples), use_cache=False).loss
        loss.backward()
        weight = model.transformer.h[0].self_attention.query_key_value.weight
        found.append((loss.item(), weight.grad.clone()))
    (padded, padded_gradient), (packed_, packed_gradient) = found
    assert packed_ == pytest.approx(padded, rel=1e-5)
    assert torch.allclose(packed_gradient, padded_gradient, rtol=1e-3, atol=1e-7)


def test_padding_shows_nothing_and_is_no_number_that_is_none(model: FalconForCausalLM) -> None:
    batch = PackingCollator(0)([example(400, 1), example(200, 2)])
    assert batch["input_ids"].shape == (2, 400)
    logits = model(**{n: v for n, v in batch.items() if n != "labels"}, use_cache=False).logits
    assert torch.isfinite(logits).all()
    assert (batch["labels"][1, 200:] == IGNORED).all()


def test_falcon_makes_its_mask_without_the_positions(model: FalconForCausalLM) -> None:
    """The reason why packing is not left to TRL; if this fails, it can be."""
    first, second = example(20, 1)["input_ids"], example(20, 2)["input_ids"]
    positions = torch.tensor([[*range(20), *range(20)]])
    both = model(torch.tensor([first + second]), position_ids=positions).logits[0, 20:]
    alone = model(torch.tensor([second])).logits[0]
    assert not torch.allclose(both, alone, atol=1e-3)


def test_sequences_are_of_a_length_that_attention_does_not_dominate() -> None:
    assert PACKED_TOKENS == 512
