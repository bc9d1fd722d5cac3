"""Adapters that tests make: right ones for a small Falcon, and every kind of wrong one."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors.torch import save_file

from caption_studio.language.adapters.check import BaseModel
from caption_studio.settings import EMBEDDED_MODELS_DIR

HIDDEN = 64
LAYERS = 2
RANK = 4
BASE = BaseModel.of(
    SimpleNamespace(
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_kv_heads=4,
        multi_query=True,
        new_decoder_architecture=False,
    ),
    ("/models/falcon-tiny",),
)
TARGETS = ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")
DEMO = EMBEDDED_MODELS_DIR / "caption-demo"

Tensors = dict[str, torch.Tensor]


def config(**changes: Any) -> dict[str, Any]:
    """A configuration as PEFT writes it, with changes."""
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "somebody/falcon-tiny",
        "r": RANK,
        "lora_alpha": 8,
        "lora_dropout": 0.05,
        "target_modules": list(TARGETS),
        "bias": "none",
        "inference_mode": True,
        "peft_version": "0.21.2",
        "use_dora": False,
        "modules_to_save": None,
        **changes,
    }


def tensors(
    targets: tuple[str, ...] = TARGETS, base: BaseModel = BASE, rank: int = RANK
) -> Tensors:
    """Matrices for the targets in every layer, none of them zero."""
    generator = torch.Generator().manual_seed(0)
    made: Tensors = {}
    for module, (inputs, outputs) in base.modules.items():
        if module.endswith(tuple(f".{target}" for target in targets)):
            prefix = f"base_model.model.{module}.lora_"
            made[f"{prefix}A.weight"] = torch.randn(rank, inputs, generator=generator)
            made[f"{prefix}B.weight"] = torch.randn(outputs, rank, generator=generator) / 50
    return made


def write(
    folder: Path,
    values: Mapping[str, Any] | None = None,
    weights: Tensors | None = None,
    *,
    form: str = "safetensors",
) -> Path:
    """Write an adapter into `folder`, made if need be; `form` is the weights' suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(values or config()))
    weights = tensors() if weights is None else weights
    path = folder / f"adapter_model.{form}"
    if form == "safetensors":
        save_file(weights, path)
    else:
        torch.save(weights, path)
    return folder
