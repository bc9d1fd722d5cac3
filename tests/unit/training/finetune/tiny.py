"""A base model and data so small that a training takes seconds."""

import json
import shutil
from pathlib import Path

import torch
from transformers import FalconConfig, FalconForCausalLM

from caption_studio.settings import EMBEDDED_MODELS_DIR
from caption_studio.training.rows import Row, write_rows

FALCON_DEMO = EMBEDDED_MODELS_DIR / "falcon-demo"
VOCABULARY = json.loads((FALCON_DEMO / "config.json").read_text())["vocab_size"]
"""The number of tokens of the demo's tokenizer, which the tiny base has too."""


def tiny_config(**changes: object) -> FalconConfig:
    fields = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 256,
        "alibi": False,
        "new_decoder_architecture": False,
        "multi_query": True,
        "parallel_attn": True,
        "bias": False,
        "bos_token_id": 0,
        "eos_token_id": 0,
    }
    return FalconConfig(**{**fields, **changes})


def write_base(folder: Path, **changes: object) -> Path:
    """Write a base model with random weights and the demo's tokenizer."""
    torch.manual_seed(1)
    FalconForCausalLM(tiny_config(**changes)).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(FALCON_DEMO / name, folder / name)
    return folder


def rows(training: int = 8, validation: int = 2) -> list[Row]:
    """Rows of a bakery: each caption ends with its mark."""
    things = ("loaf of bread", "tray of croissants", "round pie", "plate of buns")
    made = []
    for number in range(training + validation):
        thing = things[number % len(things)]
        made.append(
            Row(
                description=f"a {thing} number {number}",
                caption=f"Fresh today: our {thing}! 🥐 #bakery",
                picture_id=str(number),
                split="train" if number < training else "validation",
                request="short, please" if number % 3 == 0 else "",
            )
        )
    return made


def write_data(path: Path, training: int = 8, validation: int = 2) -> Path:
    write_rows(path, rows(training, validation))
    return path
