"""Tiny Falcon checkpoints in every form the published ones have, and adapters for them.

Two layers, the true head counts, random weights. A random model must be told how to be
worth testing: each layer keeps the size of its input, and the embeddings are small beside
what the layers add, so that the answer is the layers' and not the last token again.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftMixedModel, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import FalconConfig, FalconForCausalLM

from benchmarks.rehearsal.checkpoints import write_config_2023

TARGETS = ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")
HEAD_DIM = 32  # the smallest that vLLM's attention takes on a CPU
VOCABULARY = 512


@dataclass(frozen=True)
class Form:
    """One head layout: today's fields, and those of 2023 that stand for the same."""

    name: str
    fields: Mapping[str, Any]
    fields_2023: Mapping[str, Any]
    heads: int
    tied: bool = True
    adapters: Sequence[Sequence[str]] = field(
        default=(TARGETS, ("query_key_value",), ("dense",), ("dense_h_to_4h", "dense_4h_to_h"))
    )

    def config(self) -> FalconConfig:
        return FalconConfig(
            vocab_size=VOCABULARY,
            hidden_size=self.heads * HEAD_DIM,
            num_hidden_layers=2,
            num_attention_heads=self.heads,
            tie_word_embeddings=self.tied,
            bos_token_id=0,
            eos_token_id=0,
            **self.fields,
        )


SEVEN_B = Form(
    "7B",
    {"multi_query": True, "parallel_attn": True},
    {"model_type": "RefinedWebModel", "multi_query": True},
    heads=71,
)
FORTY_B = Form(
    "40B",
    {"new_decoder_architecture": True, "num_kv_heads": 8},
    {"model_type": "RefinedWeb", "n_head_kv": 8},
    heads=128,
)
ELEVEN_B = Form(
    "11B",
    {"new_decoder_architecture": True, "num_kv_heads": 8, "num_ln_in_parallel_attn": 1},
    {"model_type": "RefinedWeb", "n_head_kv": 8, "num_ln_in_parallel_attn": 1},
    heads=32,
    tied=False,
    adapters=[TARGETS] * 8,
)
ALIBI = Form(
    "ALiBi, 8 heads",
    {"alibi": True, "bias": True, "multi_query": False, "parallel_attn": False},
    {
        "model_type": "RefinedWebModel",
        "alibi": True,
        "bias": True,
        "multi_query": False,
        "parallel_attn": False,
    },
    heads=8,
)
ALIBI_1B = Form("ALiBi, 32 heads", ALIBI.fields, ALIBI.fields_2023, heads=32)
MULTI_HEAD = Form(
    "rotary without multi_query",
    {"multi_query": False, "bias": True},
    {"model_type": "RefinedWebModel", "multi_query": False, "bias": True},
    heads=6,
)


def random_falcon(form: Form) -> FalconForCausalLM:
    """Return a float32 model whose weights are exact in float16."""
    torch.manual_seed(7)
    model = FalconForCausalLM(form.config()).eval()
    for name, weight in model.named_parameters():
        if "word_embeddings" in name or name == "lm_head.weight":
            weight.data.normal_(0, 0.5 * weight.shape[1] ** -0.5)
        elif weight.dim() == 2:
            weight.data.normal_(0, weight.shape[1] ** -0.5)
            if "4h_to_h" in name:  # what gelu adds on average would drown the rest
                weight.data -= weight.data.mean(1, keepdim=True)
        else:
            weight.data.normal_(float(name.endswith("weight")), 0.1)
            if "ln_f" in name:
                weight.data *= 8  # the logits', so that few steps are near ties
        weight.data = weight.data.half().float()
    return model


def save_changed(adapted: PeftModel | PeftMixedModel, folder: Path) -> None:
    """Save an adapter with random weights that change the answers."""
    for name, weight in adapted.named_parameters():
        if "lora_A" in name:
            weight.data.normal_(0, weight.shape[1] ** -0.5)
        elif "lora_B" in name:
            weight.data.normal_(0, 0.3)
    adapted.save_pretrained(folder)


def random_adapter(
    model: FalconForCausalLM, targets: Sequence[str], folder: Path, *, seed: int
) -> Path:
    """Write an adapter of rank 8 that changes the answers; leave the model as it was."""
    torch.manual_seed(seed)
    config = LoraConfig(r=8, lora_alpha=16, target_modules=list(targets), task_type="CAUSAL_LM")
    adapted = get_peft_model(model, config)
    save_changed(adapted, folder)
    adapted.unload()
    return folder


def write_modern(model: FalconForCausalLM, folder: Path) -> Path:
    """Write what transformers writes today: float16, sharded safetensors."""
    shards = {"max_shard_size": sum(p.numel() for p in model.parameters())}
    model.half().save_pretrained(folder, **shards)
    model.float()
    assert len(list(folder.glob("*.safetensors"))) > 1
    return folder


def write_2023(
    model: FalconForCausalLM, form: Form, folder: Path, *, safetensors: bool = False
) -> Path:
    """Write the same weights as in 2023: two shards, the head beside the embeddings.

    The code that the config names leaves a file behind if anyone runs it.
    """
    folder.mkdir()
    weights = {name: weight.half() for name, weight in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        weights["lm_head.weight"] = weights["transformer.word_embeddings.weight"].clone()
    names = sorted(weights)
    index = {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        shard = {name: weights[name] for name in part}
        if safetensors:
            file = f"model-0000{number}-of-00002.safetensors"
            save_file(shard, folder / file, {"format": "pt"})
        else:
            file = f"pytorch_model-0000{number}-of-00002.bin"
            torch.save(shard, folder / file)
        index |= dict.fromkeys(part, file)
    stem = "model.safetensors" if safetensors else "pytorch_model.bin"
    (folder / f"{stem}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    write_config_2023(model.config, form.fields_2023, folder)
    return folder


def copy_with_config_2023(modern: Path, fields: Mapping[str, Any], folder: Path) -> Path:
    """Copy a checkpoint, its config put into the form of 2023."""
    shutil.copytree(modern, folder)
    write_config_2023(FalconConfig.from_pretrained(modern), fields, folder)
    return folder
