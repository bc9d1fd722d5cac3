"""Prompts and the data's captions → how likely the model finds them, by transformers."""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from caption_studio.language.tokens import text_tokens
from caption_studio.training.evaluation.measures.perplexity import Loss
from caption_studio.training.evaluation.problem import EvaluationProblem
from caption_studio.training.evaluation.writing.captions import require_room
from caption_studio.training.form import typographic

_BATCH_TOKENS = 2048
_IGNORED = -100
_OPENING = ' "'


@torch.inference_mode()
def caption_losses(
    model: Any, tokenizer: Any, prompts: Sequence[str], captions: Sequence[str]
) -> list[Loss]:
    """Return the loss of each caption after its prompt.

    Counted are the tokens from the caption's first to its closing quote; the opening quote is
    given, so that a model without the habit of quoting is not measured by that. Raises
    `EvaluationProblem` for a row that is too long, or whose loss is no number.
    """
    encoded = [
        _encoded(tokenizer, prompt, caption)
        for prompt, caption in zip(prompts, captions, strict=True)
    ]
    require_room(model, max((len(ids) for ids, _ in encoded), default=0))
    losses: dict[int, Loss] = {}
    for chosen in _batches([len(ids) for ids, _ in encoded]):
        rows = [encoded[place] for place in chosen]
        losses |= zip(chosen, _batch_losses(model, tokenizer.eos_token_id, rows), strict=True)
    return [losses[place] for place in range(len(encoded))]


def _encoded(tokenizer: Any, prompt: str, caption: str) -> tuple[list[int], int]:
    """Return the ids of prompt and caption, and the place of the first that counts."""
    before = text_tokens(tokenizer, prompt)
    answer = text_tokens(tokenizer, f'{_OPENING}{typographic(caption)}"')
    given = 0
    for mine, opening in zip(answer, text_tokens(tokenizer, _OPENING), strict=False):
        if mine != opening:
            break
        given += 1
    return before + answer, len(before) + given


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield places of rows of similar length, so many that their tokens fit a batch."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[place] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _batch_losses(model: Any, pad: int, rows: Sequence[tuple[list[int], int]]) -> Iterator[Loss]:
    longest = max(len(ids) for ids, _ in rows)
    input_ids = torch.full((len(rows), longest), pad)
    labels = torch.full((len(rows), longest), _IGNORED)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for row, (ids, first) in enumerate(rows):
        input_ids[row, : len(ids)] = torch.tensor(ids)
        labels[row, first : len(ids)] = torch.tensor(ids[first:])
        mask[row, : len(ids)] = 1
    logits = model(
        input_ids=input_ids.to(model.device),
        attention_mask=mask.to(model.device),
        use_cache=False,
    ).logits
    nats = cross_entropy(
        logits[:, :-1].float().transpose(1, 2),
        labels[:, 1:].to(model.device),
        ignore_index=_IGNORED,
        reduction="none",
    ).sum(dim=1)
    for loss, (ids, first) in zip(nats.tolist(), rows, strict=True):
        if not isfinite(loss):
            raise EvaluationProblem(
                "The model finds no finite loss for a caption: its weights or the adapter's are "
                "damaged."
            )
        yield Loss(loss, len(ids) - first)
