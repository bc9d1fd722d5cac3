"""`adapter_config.json` → the fields that affect the answers, or why it cannot be served.

Field names are PEFT's (peft/tuners/lora/config.py, 0.21); vLLM's support for them is in
vllm/lora/peft_helper.py (0.32). An unknown field that is set is refused: it may change what the
adapter computes, and the answers would be silently wrong.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption_studio.errors import InvalidAdapter
from caption_studio.language.adapters.selection import Names, Selection, value_for

MAX_FILE_BYTES = 1024**2
MAX_ALPHA = 1e6

INITS = ("gaussian", "eva", "orthogonal", "mica", "lora_ga")
"""Initialisations that leave the base model as it was."""

READ = frozenset(
    "peft_type task_type base_model_name_or_path r lora_alpha target_modules bias rank_pattern "
    "alpha_pattern exclude_modules layers_to_transform layers_pattern init_lora_weights "
    "use_rslora".split()
)
"""Fields that are read below, or that vLLM applies by itself."""

WITHOUT_EFFECT = frozenset(
    "auto_mapping peft_version revision inference_mode lora_dropout fan_in_fan_out megatron_core "
    "megatron_config qalora_group_size loftq_config eva_config corda_config lora_ga_config "
    "runtime_config ensure_weight_tying".split()
)
"""Fields that only training uses, or that belong to options that are not set."""

FALCON_TARGETS = ("query_key_value",)
"""The modules that PEFT adapts in a Falcon if `target_modules` is null."""

MAX_PATTERNS = 1000
MAX_PATTERN_CHARACTERS = 1000
"""Limits on patterns and names: many or long ones would take long to match."""


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """The part of the configuration that the weights are checked against."""

    base: str
    rank: int
    rank_pattern: Mapping[str, int]
    alpha: float
    alpha_pattern: Mapping[str, float]
    selection: Selection

    def rank_of(self, module: str) -> int:
        """Return the module's rank. Raises `InvalidAdapter` for an invalid or slow pattern."""
        return value_for(module, self.rank_pattern, self.rank, "rank_pattern")

    def alpha_of(self, module: str) -> float:
        """Return the module's alpha. Raises `InvalidAdapter` for an invalid or slow pattern."""
        return value_for(module, self.alpha_pattern, self.alpha, "alpha_pattern")


def read_config(path: Path, *, max_rank: int) -> AdapterConfig:
    """Return the configuration. Raises `InvalidAdapter`, which says what is wrong with it."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise unservable("adapter_config.json is too large to be one")
    try:
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise unservable("adapter_config.json is no JSON") from error
    if not isinstance(values, dict):
        raise unservable("adapter_config.json is no JSON object")
    _check_kind(values)
    return AdapterConfig(
        base=_text(values, "base_model_name_or_path"),
        rank=_rank(values.get("r"), "r", max_rank),
        rank_pattern=_ranks(values, max_rank),
        alpha=_alpha(values.get("lora_alpha")),
        alpha_pattern={k: _alpha(v) for k, v in _pattern(values, "alpha_pattern").items()},
        selection=_selection(values),
    )


def _check_kind(values: Mapping[str, Any]) -> None:
    if values.get("peft_type") != "LORA":
        raise unservable("it is no LoRA adapter: peft_type is not LORA")
    if values.get("task_type") not in (None, "CAUSAL_LM"):
        raise unservable("it is not for text generation: task_type is not CAUSAL_LM")
    if values.get("bias", "none") != "none":
        raise unservable("it changes biases (bias), which cannot be served")
    init = values.get("init_lora_weights", True)
    if isinstance(init, str) and init.lower() not in INITS:
        raise unservable("its init_lora_weights changed the base model; convert it to plain LoRA")
    for name, value in values.items():
        if value and name not in READ and name not in WITHOUT_EFFECT:
            raise unservable(f"it sets {name[:50]!r}, which cannot be served")


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise unservable(f"{name} is no text")
    return value or ""


def _rank(value: Any, name: str, max_rank: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise unservable(f"{name} is no rank")
    if value > max_rank:
        raise unservable(f"its rank {value} is over the {max_rank} that this service takes")
    return value


def _ranks(values: Mapping[str, Any], max_rank: int) -> Mapping[str, int]:
    return {
        name: _rank(rank, "rank_pattern", max_rank)
        for name, rank in _pattern(values, "rank_pattern").items()
    }


def _alpha(value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < abs(value) <= MAX_ALPHA:
        raise unservable("lora_alpha or alpha_pattern is zero or no number of a usual size")
    return float(value)


def _pattern(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    pattern = values.get(name) or {}
    if not isinstance(pattern, dict):
        raise unservable(f"{name} is no table of names")
    _check_size(tuple(pattern), name)
    return pattern


def _selection(values: Mapping[str, Any]) -> Selection:
    targets = values.get("target_modules")
    layer_patterns = _names(values, "layers_pattern")
    return Selection(
        targets=FALCON_TARGETS if targets is None else _names(values, "target_modules"),
        excluded=_names(values, "exclude_modules"),
        layers=_layers(values),
        layer_patterns=(layer_patterns,) if isinstance(layer_patterns, str) else layer_patterns,
    )


def _names(values: Mapping[str, Any], name: str) -> Names:
    """Return a regular expression, or names; no names if the field is not set."""
    names = values.get(name) or ()
    if isinstance(names, str):
        _check_size((names,), name)
        return names
    if not isinstance(names, list | tuple) or not all(isinstance(item, str) for item in names):
        raise unservable(f"{name} is no list of names")
    _check_size(names, name)
    return tuple(names)


def _check_size(names: Sequence[str], field: str) -> None:
    if len(names) > MAX_PATTERNS or any(len(name) > MAX_PATTERN_CHARACTERS for name in names):
        raise unservable(f"{field} is longer than it may be")


def _layers(values: Mapping[str, Any]) -> frozenset[int] | None:
    layers = values.get("layers_to_transform")
    if layers is None or layers == []:
        return None
    listed = layers if isinstance(layers, list) else [layers]
    if not all(isinstance(layer, int) and not isinstance(layer, bool) for layer in listed):
        raise unservable("layers_to_transform is no list of layers")
    return frozenset(listed)


def unservable(reason: str) -> InvalidAdapter:
    """Return the error for an adapter that cannot be served because of its own files."""
    return InvalidAdapter(f"The adapter cannot be served: {reason}.", param="source")
