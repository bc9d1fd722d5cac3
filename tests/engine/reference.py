"""What transformers and PEFT answer, token by token, and how sure they are of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from transformers import FalconForCausalLM

TIE = 1e-4
"""Two logits closer than this may change places between two float32 implementations."""


@dataclass(frozen=True)
class Answer:
    """Greedy tokens, and by how much the logit of each led that of the next best."""

    tokens: list[int]
    leads: list[float]

    def first_difference(self, tokens: Sequence[int]) -> int | None:
        """Return where `tokens` leave these ones for good: ties are no difference.

        After a tie both answers are right and go on from different texts.
        """
        for place, (mine, theirs) in enumerate(zip(self.tokens, tokens, strict=True)):
            if mine != theirs:
                return None if self.leads[place] < TIE else place
        return None


def answers(
    model: FalconForCausalLM,
    adapters: Sequence[Path],
    prompts: Sequence[list[int]],
    adapter_of: Sequence[int | None],
    max_tokens: int,
) -> list[Answer]:
    """Answer each prompt with its adapter (None: the base model); the model stays bare."""
    found: dict[int, Answer] = {}
    for adapter in dict.fromkeys(adapter_of):
        mine = [i for i, other in enumerate(adapter_of) if other == adapter]
        served = model if adapter is None else PeftModel.from_pretrained(model, adapters[adapter])
        for length in {len(prompts[i]) for i in mine}:
            batch = [i for i in mine if len(prompts[i]) == length]
            ids = torch.tensor([prompts[i] for i in batch])
            found |= dict(zip(batch, _greedy(served, ids, max_tokens), strict=True))
        if adapter is not None:
            served.unload()
    return [found[i] for i in range(len(prompts))]


def differences(
    reference: Sequence[Answer], tokens: Sequence[list[int]]
) -> list[tuple[int, int, float]]:
    """Return (prompt, place, lead of the reference's token) of each difference."""
    found = []
    for prompt, (answer, mine) in enumerate(zip(reference, tokens, strict=True)):
        place = answer.first_difference(mine)
        if place is not None:
            found.append((prompt, place, answer.leads[place]))
    return found


@torch.inference_mode()
def _greedy(model: torch.nn.Module, ids: torch.Tensor, max_tokens: int) -> list[Answer]:
    """Decode by hand: `generate` would stop at the end-of-text token and fill up with pads."""
    cache, tokens, leads = None, [], []
    for _ in range(max_tokens):
        output = model(input_ids=ids, past_key_values=cache, use_cache=True)
        best = output.logits[:, -1].topk(2)
        cache, ids = output.past_key_values, best.indices[:, :1]
        tokens.append(ids[:, 0])
        leads.append(best.values[:, 0] - best.values[:, 1])
    return [
        Answer(*answer)
        for answer in zip(
            torch.stack(tokens, 1).tolist(), torch.stack(leads, 1).tolist(), strict=True
        )
    ]
