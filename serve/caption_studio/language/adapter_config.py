"""`adapter_config.json` → what of it decides the answers, or why it cannot be served.

Field names are PEFT's (peft/tuners/lora/config.py, 0.21); what vLLM can do with them is in
vllm/lora/peft_helper.py (0.32). A field that we do not know and that is set is refused: it may
change what the adapter computes, and the answers would be wrong without a word.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption_studio.errors import InvalidAdapter

MAX_FILE_BYTES = 1024**2
MAX_ALPHA = 1e6

INITS = ("gaussian", "eva", "orthogonal", "mica", "lora_ga")
"""Initialisations that leave the base model as it was."""

READ = frozenset(
    "peft_type task_type base_model_name_or_path r lora_alpha target_modules bias rank_pattern "
    "alpha_pattern exclude_modules layers_to_transform layers_pattern init_lora_weights "
    "use_rslora".split()
)
"""Fields that are looked at below, or that vLLM acts on by itself."""

WITHOUT_EFFECT = frozenset(
    "auto_mapping peft_version revision inference_mode lora_dropout fan_in_fan_out megatron_core "
    "megatron_config qalora_group_size loftq_config eva_config corda_config lora_ga_config "
    "runtime_config ensure_weight_tying".split()
)
"""Fields of training, or of fields that are not set."""

PLAIN_PATTERN = re.compile(r"[\w.]{1,200}", re.ASCII)
"""Keys of the patterns are regular expressions in PEFT; only plain names are taken."""


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """The part of the configuration that the weights are checked against.

    `targets` None means any of the modules that can take an adapter (a regular expression is
    not evaluated: the weights themselves say which). `layers` None means all.
    """

    base: str
    rank: int
    rank_pattern: Mapping[str, int]
    targets: tuple[str, ...] | None
    excluded: tuple[str, ...]
    layers: frozenset[int] | None

    def rank_of(self, module: str) -> int:
        """Return the module's rank: of the first pattern that ends its name, as PEFT does."""
        for name, rank in self.rank_pattern.items():
            if is_named(module, name):
                return rank
        return self.rank


def is_named(module: str, name: str) -> bool:
    """Return whether `name` is the module's or the end of it, at a dot."""
    return module == name or module.endswith(f".{name}")


def read_config(path: Path, *, max_rank: int) -> AdapterConfig:
    """Return the configuration. Raises `InvalidAdapter` with what is wrong with it."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise unservable("adapter_config.json is too large to be one")
    try:
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise unservable("adapter_config.json is no JSON") from error
    if not isinstance(values, dict):
        raise unservable("adapter_config.json is no JSON object")
    _check_kind(values)
    config = AdapterConfig(
        base=_text(values, "base_model_name_or_path"),
        rank=_rank(values.get("r"), "r", max_rank),
        rank_pattern=_ranks(values, max_rank),
        targets=_targets(values),
        excluded=_names(values, "exclude_modules"),
        layers=_layers(values),
    )
    _check_alphas(values)
    return config


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


def _check_alphas(values: Mapping[str, Any]) -> None:
    alphas = [values.get("lora_alpha"), *_pattern(values, "alpha_pattern").values()]
    for alpha in alphas:
        number = isinstance(alpha, int | float) and not isinstance(alpha, bool)
        if not number or not 0 < alpha <= MAX_ALPHA:
            raise unservable("lora_alpha or alpha_pattern is no positive number of a usual size")


def _pattern(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    pattern = values.get(name) or {}
    if not isinstance(pattern, dict) or not all(map(PLAIN_PATTERN.fullmatch, pattern)):
        raise unservable(f"{name} must name modules, without regular expressions")
    return pattern


def _targets(values: Mapping[str, Any]) -> tuple[str, ...] | None:
    if isinstance(values.get("target_modules"), str):
        return None
    targets = _names(values, "target_modules")
    if not targets:
        raise unservable("target_modules is empty")
    return targets


def _names(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    names = values.get(name) or []
    if not isinstance(names, list) or not all(isinstance(item, str) for item in names):
        raise unservable(f"{name} is no list of names")
    return tuple(names)


def _layers(values: Mapping[str, Any]) -> frozenset[int] | None:
    layers = values.get("layers_to_transform")
    if layers is None or layers == []:
        return None
    listed = layers if isinstance(layers, list) else [layers]
    if not all(isinstance(layer, int) and not isinstance(layer, bool) for layer in listed):
        raise unservable("layers_to_transform is no list of layers")
    return frozenset(listed)


def unservable(reason: str) -> InvalidAdapter:
    """Return the error for an adapter that is at fault itself."""
    return InvalidAdapter(f"The adapter cannot be served: {reason}.", param="source")
