import pytest
import torch
from transformers import FalconConfig
from transformers.models.falcon.modeling_falcon import FalconAttention

from caption_studio.language.falcon_config import (
    is_falcon,
    modern_fields,
    projection_rows,
    require_alibi_backend,
)

SEVEN_B_2023 = {
    "alibi": False,
    "apply_residual_connection_post_layernorm": False,
    "architectures": ["RWForCausalLM"],
    "auto_map": {"AutoConfig": "configuration_RW.RWConfig"},
    "bias": False,
    "hidden_size": 4544,
    "model_type": "RefinedWebModel",
    "multi_query": True,
    "n_head": 71,
    "n_layer": 32,
    "parallel_attn": True,
    "torch_dtype": "bfloat16",
    "vocab_size": 65024,
}
FORTY_B_2023 = {
    "alibi": False,
    "architectures": ["RWForCausalLM"],
    "bias": False,
    "hidden_size": 8192,
    "model_type": "RefinedWeb",
    "n_head": 128,
    "n_head_kv": 8,
    "n_layer": 60,
    "parallel_attn": True,
    "vocab_size": 65024,
}
TODAY = {
    "architectures": ["FalconForCausalLM"],
    "model_type": "falcon",
    "hidden_size": 4096,
    "num_attention_heads": 32,
}


def test_7b_of_2023_is_todays_default_falcon() -> None:
    config = FalconConfig.from_dict(modern_fields(SEVEN_B_2023))
    today = FalconConfig()
    for name in ("num_hidden_layers", "num_attention_heads", "hidden_size", "vocab_size",
                 "multi_query", "parallel_attn", "new_decoder_architecture", "alibi", "bias",
                 "tie_word_embeddings", "rope_parameters", "max_position_embeddings"):  # fmt: skip
        assert getattr(config, name) == getattr(today, name), name
    assert config.architectures == ["FalconForCausalLM"]
    assert config.dtype == torch.bfloat16


def test_40b_of_2023_has_the_new_decoder() -> None:
    config = FalconConfig.from_dict(modern_fields(FORTY_B_2023))
    assert config.new_decoder_architecture
    assert (config.num_attention_heads, config.num_kv_heads) == (128, 8)


def test_the_code_of_a_checkpoint_is_forgotten() -> None:
    for config in (SEVEN_B_2023, TODAY | {"auto_map": {"AutoConfig": "a.B"}}):
        assert "auto_map" not in modern_fields(config)


def test_todays_form_stays_as_it_is() -> None:
    assert modern_fields(TODAY) == TODAY


def test_todays_model_type_may_come_with_names_of_2023() -> None:
    mixed = {"model_type": "falcon", "architectures": ["RWForCausalLM"], "n_head": 71,
             "n_layer": 32, "hidden_size": 4544}  # fmt: skip
    fields = modern_fields(mixed)
    assert fields["architectures"] == ["FalconForCausalLM"]
    assert (fields["num_attention_heads"], fields["num_hidden_layers"]) == (71, 32)


def test_other_models_are_not_ours() -> None:
    assert is_falcon(SEVEN_B_2023)
    assert is_falcon(TODAY)
    assert not is_falcon({"model_type": "falcon_mamba"})
    assert not is_falcon({})


@pytest.mark.parametrize("name", ["multi_query", "parallel_attn", "vocab_size", "hidden_size"])
def test_what_2023_left_out_is_not_guessed(name: str) -> None:
    config = {key: value for key, value in SEVEN_B_2023.items() if key != name}
    with pytest.raises(ValueError, match=f"leaves out {name}"):
        modern_fields(config)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"n_head": 16}, "says both n_head and num_attention_heads"),
        ({"hidden_size": 4100}, "no multiple of its 32 heads"),
        ({"new_decoder_architecture": True, "num_kv_heads": 5}, "do not share 5"),
        ({"multi_query": False, "num_kv_heads": 8}, "its own key and value"),
        ({"new_decoder_architecture": True, "parallel_attn": False}, "without parallel_attn"),
        ({"num_ln_in_parallel_attn": 2}, "cannot have num_ln_in_parallel_attn 2"),
        ({"activation": "relu"}, "trained with relu"),
        ({"ffn_hidden_size": 4096}, "four times as wide"),
        ({"apply_residual_connection_post_layernorm": True}, "after the layer norm"),
    ],
)
def test_what_would_be_answered_wrongly_is_refused(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^This Falcon checkpoint cannot be served: .*{reason}"):
        modern_fields(TODAY | fields)


def test_alibi_is_refused_where_its_bias_would_be_left_out() -> None:
    require_alibi_backend("CPU_ATTN")
    with pytest.raises(ValueError, match="ALiBi, which the attention backend FLASHINFER"):
        require_alibi_backend("FLASHINFER")


@pytest.mark.parametrize(
    ("fields", "heads", "kv_heads"),
    [
        ({"multi_query": True}, 71, 1),
        ({"new_decoder_architecture": True, "num_kv_heads": 8}, 128, 8),
        ({"new_decoder_architecture": True, "num_kv_heads": 8}, 32, 8),
        ({"multi_query": False}, 6, 6),
    ],
    ids=["7B", "40B", "11B", "rw"],
)
def test_rows_come_in_the_order_queries_keys_values(
    fields: dict[str, object], heads: int, kv_heads: int
) -> None:
    """Held against how transformers takes the stored projection apart."""
    head_dim = 4
    config = FalconConfig(hidden_size=heads * head_dim, num_attention_heads=heads, **fields)
    attention = FalconAttention(config, layer_idx=0)
    rows = projection_rows(heads, kv_heads, head_dim)
    stored = torch.arange(len(rows))
    query, key, value = attention._split_heads(stored[None, None])
    if kv_heads not in (1, heads):  # transformers repeats keys and values for their group
        key, value = (x.unflatten(2, (kv_heads, -1))[:, :, :, 0] for x in (key, value))
    expected = torch.cat([x.flatten() for x in (query, key, value)])
    assert rows == expected.tolist()
    assert (rows == sorted(rows)) == (kv_heads == 1)
