"""The arithmetic against what the libraries really allocate."""

import pytest
import torch
from transformers import FalconConfig, FalconForCausalLM

from caption_studio.training.finetune.memory import NF4_BYTES, Batch, Shape, in_words, needs
from tests.unit.training.finetune.tiny import tiny_config

FALCON_7B = FalconConfig(
    vocab_size=65024,
    hidden_size=4544,
    num_hidden_layers=32,
    num_attention_heads=71,
    multi_query=True,
    parallel_attn=True,
    bias=False,
    alibi=False,
)
TARGETS = ("query_key_value",)


@pytest.mark.parametrize(
    "config", [FALCON_7B, tiny_config(), tiny_config(tie_word_embeddings=False)]
)
def test_the_weights_are_counted_as_transformers_makes_them(config: FalconConfig) -> None:
    with torch.device("meta"):
        model = FalconForCausalLM(config)
    shape = Shape.of(config, 16, TARGETS)
    assert shape.linear + shape.other == pytest.approx(model.num_parameters(), rel=5e-3)


def test_falcon_7b_takes_what_is_published_of_it() -> None:
    shape = Shape.of(FALCON_7B, 16, TARGETS)
    assert shape.adapter * 4 == pytest.approx(18.9e6, rel=0.01)  # the file of the 2023 adapter
    plain = needs(shape, Batch(1, 128), dtype_bytes=2, quantized=False, checkpointing=True)
    assert plain.base_model == pytest.approx(13.84e9, rel=0.01)
    nf4 = needs(shape, Batch(1, 128), dtype_bytes=2, quantized=True, checkpointing=True)
    assert 3.5e9 < nf4.base_model < 4.5e9
    assert 0.515 < NF4_BYTES < 0.517


def test_computing_again_takes_less() -> None:
    shape = Shape.of(FALCON_7B, 16, TARGETS)
    kept, again = (
        needs(shape, Batch(8, 128), dtype_bytes=2, quantized=False, checkpointing=c).activations
        for c in (False, True)
    )
    assert again < kept / 5


@pytest.mark.parametrize(("rows", "tokens"), [(2, 40), (4, 120)])
def test_activations_are_what_autograd_keeps(rows: int, tokens: int) -> None:
    from peft import LoraConfig, get_peft_model

    config = tiny_config(hidden_size=128, num_hidden_layers=3, num_attention_heads=2)
    model = get_peft_model(
        FalconForCausalLM(config),
        LoraConfig(r=16, lora_alpha=32, lora_dropout=0.05, target_modules=list(TARGETS)),
    )
    model.enable_input_require_grads()
    model.train()
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    input_ids = torch.randint(1, 1000, (rows, tokens))
    mask = torch.ones_like(input_ids)
    mask[0, -3:] = 0
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = model.base_model.model.transformer(input_ids, attention_mask=mask, use_cache=False)
    assert output.last_hidden_state.requires_grad
    predicted = needs(
        Shape.of(config, 16, TARGETS),
        Batch(rows, tokens),
        dtype_bytes=4,
        quantized=False,
        checkpointing=False,
    ).activations
    assert 0.8 < predicted / sum(kept.values()) < 1.3


def test_the_parts_add_up_and_are_named() -> None:
    shape = Shape.of(FALCON_7B, 16, TARGETS)
    taken = needs(shape, Batch(4, 100), dtype_bytes=2, quantized=True, checkpointing=False)
    parts = (taken.base_model, taken.adapter_and_optimiser, taken.activations, taken.logits)
    assert taken.total == sum(parts) + taken.reserve
    assert "GB base model + 75.5 MB adapter and optimiser" in str(taken)


def test_bytes_are_said_in_a_unit_that_suits() -> None:
    assert [in_words(n) for n in (13.84e9, 2.5e8, 3e6, 4000)] == [
        "13.8 GB",
        "0.2 GB",
        "3.0 MB",
        "4 kB",
    ]
