"""Adapter examples → a trained LoRA adapter on the demo Falcon, saved by PEFT."""

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from transformers import (
    FalconForCausalLM,
    PreTrainedTokenizerFast,
    get_cosine_schedule_with_warmup,
)

from caption_studio.demo.corpus import adapter_example
from caption_studio.demo.paths import FALCON_NAME
from caption_studio.demo.scenes import TRAINING_SEEDS

logger = logging.getLogger(__name__)

_IGNORED = -100
_SORTED_TOGETHER = 16


@dataclass(frozen=True, slots=True)
class AdapterRecipe:
    """The parameters of one adapter's training, apart from its voice.

    Rank, alpha, dropout and target are those of the published captioning adapter.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    target_modules: tuple[str, ...] = ("query_key_value",)
    examples: int = 16_640
    steps: int = 520
    batch_size: int = 32
    learning_rate: float = 2.5e-3
    warmup_steps: int = 20
    max_gradient_norm: float = 1.0
    seed: int = 20262


Rows = list[tuple[list[int], list[int]]]


def encode_examples(tokenizer: PreTrainedTokenizerFast, voice: str, number: int) -> Rows:
    """Return (prompt ids, answer ids with the end-of-text token) of the first examples."""
    examples = [adapter_example(seed, voice) for seed in TRAINING_SEEDS[:number]]
    prompts = tokenizer([example.prompt for example in examples]).input_ids
    answers = tokenizer([example.answer for example in examples]).input_ids
    end = [tokenizer.eos_token_id]
    return [(prompt, answer + end) for prompt, answer in zip(prompts, answers, strict=True)]


def _padded(rows: Rows, pad: int) -> dict[str, torch.Tensor]:
    """Return one batch, padded on the right; labels only on the answers."""
    longest = max(len(prompt) + len(answer) for prompt, answer in rows)
    input_ids = torch.full((len(rows), longest), pad)
    labels = torch.full((len(rows), longest), _IGNORED)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for i, (prompt, answer) in enumerate(rows):
        end = len(prompt) + len(answer)
        input_ids[i, :end] = torch.tensor(prompt + answer)
        labels[i, len(prompt) : end] = torch.tensor(answer)
        mask[i, :end] = 1
    return {"input_ids": input_ids, "attention_mask": mask, "labels": labels}


def _batches(rows: Rows, pad: int, recipe: AdapterRecipe) -> Iterator[dict[str, torch.Tensor]]:
    """Yield shuffled batches of rows of similar length, for ever."""
    rng = np.random.default_rng(recipe.seed)
    size = recipe.batch_size
    while True:
        order = [rows[i] for i in rng.permutation(len(rows))]
        for start in range(0, len(order), size * _SORTED_TOGETHER):
            block = order[start : start + size * _SORTED_TOGETHER]
            block.sort(key=lambda row: len(row[0]) + len(row[1]))
            batches = [block[i : i + size] for i in range(0, len(block), size)]
            for i in rng.permutation(len(batches)):
                yield _padded(batches[i], pad)


def fit_adapter(model: PeftModel, rows: Rows, pad: int, recipe: AdapterRecipe, name: str) -> float:
    """Train the adapter's matrices in place; return the last 50 steps' mean loss."""
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.0)
    schedule = get_cosine_schedule_with_warmup(optimiser, recipe.warmup_steps, recipe.steps)
    losses: list[float] = []
    started_s = time.perf_counter()
    model.train()
    for step, batch in zip(range(1, recipe.steps + 1), _batches(rows, pad, recipe), strict=False):
        loss = model(**batch, use_cache=False).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, recipe.max_gradient_norm)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if step % 20 == 0 or step == recipe.steps:
            mean, elapsed_s = float(np.mean(losses[-20:])), time.perf_counter() - started_s
            logger.info(
                "%s: step %d/%d loss %.4f (%.0f s)", name, step, recipe.steps, mean, elapsed_s
            )
    model.eval()
    return float(np.mean(losses[-50:]))


def train_adapter(
    base_folder: Path, folder: Path, voice: str, recipe: AdapterRecipe | None = None
) -> dict[str, Any]:
    """Train one voice on the saved base model; return figures for the model card."""
    recipe = recipe or AdapterRecipe()
    torch.manual_seed(recipe.seed)
    started_s = time.perf_counter()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(base_folder)
    base = FalconForCausalLM.from_pretrained(base_folder, dtype=torch.float32)
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=list(recipe.target_modules),
        task_type=TaskType.CAUSAL_LM,
    )
    model = get_peft_model(base, config)
    model.peft_config["default"].base_model_name_or_path = FALCON_NAME
    rows = encode_examples(tokenizer, voice, recipe.examples)
    loss = fit_adapter(model, rows, tokenizer.eos_token_id, recipe, folder.name)
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "adapter_model.safetensors").chmod(0o644)
    (folder / "README.md").unlink(missing_ok=True)
    return {
        "recipe": asdict(recipe),
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "total_s": time.perf_counter() - started_s,
        "loss": loss,
    }
