"""A Falcon checkpoint's config.json, of 2023 or of today → today's fields; pure.

The checkpoints of 2023 came with code of their own (`RWForCausalLM`) and with its field
names. That code is never run: its fields are translated here to those of transformers'
`FalconConfig`. A config that vLLM would run wrongly is refused here, in one sentence.
"""

from collections.abc import Mapping
from typing import Any

ARCHITECTURE = "FalconForCausalLM"
_MODEL_TYPES_2023 = ("RefinedWeb", "RefinedWebModel")
_RENAMED = {
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_head_kv": "num_kv_heads",
    "n_embed": "hidden_size",
}
# If absent, these have one default in the code of 2023 and another in transformers.
_EXPLICIT_IN_2023 = ("multi_query", "parallel_attn", "vocab_size", "hidden_size")
# The backends of vLLM 0.32.0 that add ALiBi's bias (vllm/v1/attention/backends). FLASHINFER
# accepts the slopes but ignores them.
_ALIBI_BACKENDS = ("CPU_ATTN", "FLASH_ATTN", "TRITON_ATTN")


def is_falcon(config: Mapping[str, Any]) -> bool:
    """Return whether this is the config of a Falcon, of the family that is served here."""
    return config.get("model_type") in ("falcon", *_MODEL_TYPES_2023)


def modern_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of transformers' `FalconConfig` for this checkpoint.

    In the form of 2023, `n_head_kv` distinguishes Falcon-40B's decoder from 7B's
    (convert_custom_code_checkpoint.py of transformers 4's models/falcon).

    Raises:
        ValueError: the config contradicts itself, lacks a field that has no safe default, or
            describes a Falcon that vLLM would run wrongly.
    """
    fields = {name: value for name, value in config.items() if name not in _RENAMED}
    for old, new in _RENAMED.items():
        if old in config:
            if fields.setdefault(new, config[old]) != config[old]:
                raise _refusal(f"its config says both {old} and {new}, and they differ")
    if config.get("model_type") in _MODEL_TYPES_2023:
        fields.setdefault("new_decoder_architecture", "n_head_kv" in config)
        _require_explicit(fields)
    fields.pop("auto_map", None)  # names code that came with the checkpoint
    fields["model_type"] = "falcon"
    fields["architectures"] = [
        ARCHITECTURE if name == "RWForCausalLM" else name
        for name in fields.get("architectures") or [ARCHITECTURE]
    ]
    _refuse_what_would_be_wrong(fields)
    return fields


def require_alibi_backend(backend: str) -> None:
    """Raise `ValueError` unless vLLM's attention backend of this name adds ALiBi's bias."""
    if backend not in _ALIBI_BACKENDS:
        raise _refusal(
            f"it needs ALiBi, which the attention backend {backend} is not known to add; "
            f"{', '.join(_ALIBI_BACKENDS)} do"
        )


def projection_rows(heads: int, kv_heads: int, head_dim: int) -> list[int]:
    """Return the indices of the stored fused projection's rows, in vLLM's order.

    The stored rows are grouped by key-value head: its query heads, its key, its value.
    vLLM's order is all queries, all keys, all values; it reorders the weights while it
    loads them (`FalconModel.load_weights`, vllm/model_executor/models/falcon.py, 0.32.0).
    With one key-value head (7B) both orders are the same.
    """
    group = heads // kv_heads
    places = [
        *((kv, place) for kv in range(kv_heads) for place in range(group)),
        *((kv, group) for kv in range(kv_heads)),
        *((kv, group + 1) for kv in range(kv_heads)),
    ]
    return [
        (kv * (group + 2) + place) * head_dim + dim
        for kv, place in places
        for dim in range(head_dim)
    ]


def _require_explicit(fields: Mapping[str, Any]) -> None:
    new_decoder = fields["new_decoder_architecture"]
    for name in _EXPLICIT_IN_2023:
        if name not in fields and not (name == "multi_query" and new_decoder):
            raise _refusal(f"its config of 2023 leaves out {name}, which has no safe default")


def _refuse_what_would_be_wrong(fields: Mapping[str, Any]) -> None:
    """Raise for a configuration that transformers' Falcon supports and vLLM's does not."""
    hidden_size, heads = fields.get("hidden_size", 4544), fields.get("num_attention_heads", 71)
    kv_heads = fields.get("num_kv_heads") or heads
    new_decoder = bool(fields.get("new_decoder_architecture"))
    norms = fields.get("num_ln_in_parallel_attn")
    if hidden_size % heads:
        raise _refusal(f"its hidden size {hidden_size} is no multiple of its {heads} heads")
    if new_decoder and heads % kv_heads:
        raise _refusal(f"its {heads} heads do not share {kv_heads} key-value heads evenly")
    if not new_decoder and not fields.get("multi_query", True) and kv_heads != heads:
        raise _refusal("without multi_query each head has its own key and value, and it says not")
    if new_decoder and not fields.get("parallel_attn", True):
        raise _refusal("new_decoder_architecture without parallel_attn is no Falcon ever published")
    if norms not in ((None, 1, 2) if new_decoder else (None, 1)):
        raise _refusal(f"its decoder cannot have num_ln_in_parallel_attn {norms}")
    if fields.get("activation", "gelu") != "gelu":
        raise _refusal(f"vLLM runs its MLP with gelu, it was trained with {fields['activation']}")
    if (fields.get("ffn_hidden_size") or 4 * hidden_size) != 4 * hidden_size:
        raise _refusal("vLLM takes its MLP to be four times as wide as the model, and it is not")
    if fields.get("apply_residual_connection_post_layernorm"):
        raise _refusal("its residual starts after the layer norm, which vLLM does not do")


def _refusal(reason: str) -> ValueError:
    return ValueError(f"This Falcon checkpoint cannot be served: {reason}.")
