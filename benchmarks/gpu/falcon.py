"""A Falcon of random weights as a checkpoint folder, and an adapter of the published shape."""

import json
import shutil
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import FalconConfig, FalconForCausalLM

TOKENIZER = Path(__file__).parents[2] / "serve/caption_studio/demo/models/falcon-demo"
"""The demo's, extended to the model's vocabulary: prompts are about as long as with its own."""

RANK, ALPHA, TARGET = 16, 32, "query_key_value"
SPREAD = 0.1
"""Spread of the random B. PEFT begins an adapter with B = 0, which would change nothing."""


def save_config(config: FalconConfig, folder: Path) -> None:
    """Write a checkpoint without weights: vLLM makes them (`load_format="dummy"`)."""
    config.architectures = ["FalconForCausalLM"]
    config.save_pretrained(folder)
    write_tokenizer(TOKENIZER, config.vocab_size, folder)


def save_model(config: FalconConfig, folder: Path) -> FalconForCausalLM:
    """Write a checkpoint of random weights and return it."""
    torch.manual_seed(0)
    model = FalconForCausalLM(config).eval()
    model.save_pretrained(folder)
    write_tokenizer(TOKENIZER, config.vocab_size, folder)
    return model


def save_adapter(config: FalconConfig, folder: Path) -> None:
    """Write a LoRA adapter of random A and B, without allocating the model's weights."""
    with torch.device("meta"):
        model = get_peft_model(
            FalconForCausalLM(config),
            LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=[TARGET], task_type="CAUSAL_LM"),
        )
    random = torch.Generator().manual_seed(1)
    weights = {
        name: torch.randn(parameter.shape, generator=random) * SPREAD
        for name, parameter in model.named_parameters()
        if "lora_" in name
    }
    model.save_pretrained(folder, state_dict=weights)


def write_tokenizer(demo: Path, size: int, folder: Path) -> None:
    """Write one of the demo's tokenizers, extended to the size of a model's vocabulary."""
    for path in demo.glob("tokenizer_config.json"):
        shutil.copy(path, folder)
    value = json.loads((demo / "tokenizer.json").read_text())
    known = value["model"]["vocab"]
    known |= {f"unused{number}": number for number in range(len(known), size)}
    (folder / "tokenizer.json").write_text(json.dumps(value))
