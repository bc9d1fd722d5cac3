"""Base corpus → a trained Falcon (captioner's base model) and its tokenizer."""

import copy
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import (
    FalconConfig,
    FalconForCausalLM,
    GenerationConfig,
    PreTrainedTokenizerFast,
    get_cosine_schedule_with_warmup,
)

from caption_studio.demo.captions import ALL_EMOJI
from caption_studio.demo.copying import copied_shares
from caption_studio.demo.corpus import base_corpus, copying_corpus, library_corpus
from caption_studio.demo.packed import NOT_LEARNT, Tokens, packed, tokenize_corpus
from caption_studio.demo.tokenizers import train_falcon_tokenizer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FalconRecipe:
    """The parameters of Falcon's training.

    Training begins with the `copying_documents`, in which little but copying can be learnt. Every
    `long_every`-th batch holds sequences four times as long, a quarter as many of them, because the
    adapters' prompts have up to 350 tokens. A short second phase (`library_…`) adds the cards of
    picture libraries. With `bfloat16` the products of matrices are computed in it, which is faster
    on processors that can; weights, sums of gradients and the loss stay float32.
    """

    copying_documents: int = 16_000
    documents: int = 100_000
    tokenizer_documents: int = 6_000
    vocab_size: int = 2_048
    steps: int = 3_500
    batch_size: int = 16
    sequence_tokens: int = 128
    long_every: int = 2
    learning_rate: float = 1.5e-3
    warmup_steps: int = 80
    weight_decay: float = 0.05
    max_gradient_norm: float = 1.0
    hidden_size: int = 256
    layers: int = 4
    heads: int = 4
    initial_deviation: float = 0.04
    bfloat16: bool = False
    library_documents: int = 8_000
    library_steps: int = 180
    library_learning_rate: float = 6e-4
    seed: int = 20261


def build_falcon(recipe: FalconRecipe, tokenizer: PreTrainedTokenizerFast) -> FalconForCausalLM:
    """Return an untrained model with Falcon-7B's layout at a small size."""
    return FalconForCausalLM(
        FalconConfig(
            vocab_size=len(tokenizer),
            hidden_size=recipe.hidden_size,
            num_hidden_layers=recipe.layers,
            num_attention_heads=recipe.heads,
            alibi=False,
            new_decoder_architecture=False,
            multi_query=True,
            parallel_attn=True,
            bias=False,
            max_position_embeddings=2048,
            initializer_range=recipe.initial_deviation,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=None,
        )
    )


def deepened(model: FalconForCausalLM, layers: Sequence[int]) -> FalconForCausalLM:
    """Return a model of these layers of the given one, of which some come twice in a row.

    The second of two is a copy whose output projections are zero, so at first the model computes
    what it did before. Embeddings and the last norm are the given model's own, not copies.
    """
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = len(layers)
    grown = FalconForCausalLM(config).float()
    grown.transformer.word_embeddings = model.transformer.word_embeddings
    grown.tie_weights()
    grown.transformer.ln_f = model.transformer.ln_f
    for place, (block, number) in enumerate(zip(grown.transformer.h, layers, strict=True)):
        block.load_state_dict(model.transformer.h[number].state_dict())
        if number in layers[:place]:
            torch.nn.init.zeros_(block.self_attention.dense.weight)
            torch.nn.init.zeros_(block.mlp.dense_4h_to_h.weight)
    return grown


def fit_falcon(
    model: FalconForCausalLM,
    batches: Iterator[tuple[torch.Tensor, torch.Tensor]],
    recipe: FalconRecipe,
    watch: Callable[[], dict[str, float]] | None = None,
) -> float:
    """Train in place by AdamW under a cosine; return the last 50 steps' mean loss.

    A batch is ids and labels, int64 [documents, length] each. Every 100 steps the shares that
    `watch` measures go to the log.
    """
    groups: list[dict[str, Any]] = [
        {"params": [p for p in model.parameters() if p.ndim > 1]},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(
        groups,
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        betas=(0.9, 0.98),
    )
    schedule = get_cosine_schedule_with_warmup(optimiser, recipe.warmup_steps, recipe.steps)
    losses: list[float] = []
    started_s = time.perf_counter()
    model.train()
    for step, (ids, labels) in zip(range(1, recipe.steps + 1), batches, strict=False):
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            loss = _loss(model, ids, labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_gradient_norm)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if step % 50 == 0 or step == recipe.steps:
            mean, elapsed_s = float(np.mean(losses[-50:])), time.perf_counter() - started_s
            logger.info(
                "falcon: step %d/%d loss %.4f (%.0f s)", step, recipe.steps, mean, elapsed_s
            )
        if watch is not None and step % 100 == 0:
            logger.info("falcon: step %d copies %s", step, watch())
    model.eval()
    return float(np.mean(losses[-50:]))


def _loss(model: FalconForCausalLM, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean cross entropy of what is learnt; the other tokens get no logits."""
    hidden = model.transformer(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    following = labels[:, 1:]
    learnt = following != NOT_LEARNT
    logits: torch.Tensor = model.lm_head(hidden[learnt])
    return cross_entropy(logits, following[learnt])


def file_pictures(
    model: FalconForCausalLM, tokenizer: PreTrainedTokenizerFast, recipe: FalconRecipe
) -> float:
    """Train the second phase in place; return the last steps' mean loss."""
    phase = replace(
        recipe,
        steps=recipe.library_steps,
        learning_rate=recipe.library_learning_rate,
        warmup_steps=recipe.library_steps // 10,
    )
    tokens = tokenize_corpus(tokenizer, library_corpus(recipe.library_documents))
    return fit_falcon(model, _rows(tokens, phase), phase)


def _rows(tokens: Tokens, recipe: FalconRecipe) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    return packed(tokens, recipe.batch_size, recipe.sequence_tokens, recipe.long_every)


def save_falcon(model: FalconForCausalLM, folder: Path) -> None:
    """Write weights (float16) and configuration to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    ends = model.config.eos_token_id
    model.generation_config = GenerationConfig(
        bos_token_id=ends, eos_token_id=ends, pad_token_id=ends
    )
    model.half().save_pretrained(folder)
    model.float()
    (folder / "model.safetensors").chmod(0o644)


def measured(model: FalconForCausalLM, tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Return what the model card says of a trained base: its size, and how well it copies."""
    return {"parameters": model.num_parameters(), "copied": copied_shares(model, tokenizer)}


def train_falcon(folder: Path, recipe: FalconRecipe | None = None) -> dict[str, Any]:
    """Train tokenizer and model and save both; return figures for the model card."""
    recipe = recipe or FalconRecipe()
    torch.manual_seed(recipe.seed)
    started_s = time.perf_counter()
    tokenizer = train_falcon_tokenizer(
        base_corpus(recipe.tokenizer_documents), recipe.vocab_size, ALL_EMOJI
    )
    documents = chain(copying_corpus(recipe.copying_documents), base_corpus(recipe.documents))
    tokens = tokenize_corpus(tokenizer, documents)
    logger.info("falcon: %d tokens", len(tokens))
    model = build_falcon(recipe, tokenizer)
    loss = fit_falcon(model, _rows(tokens, recipe), recipe, lambda: copied_shares(model, tokenizer))
    file_pictures(model, tokenizer, recipe)
    save_falcon(model, folder)
    tokenizer.save_pretrained(folder)
    total_s = time.perf_counter() - started_s
    return {
        "recipe": asdict(recipe),
        "tokens": len(tokens),
        "total_s": total_s,
        "loss": loss,
        **measured(model, tokenizer),
    }
