"""Prompts → captions, as the service cuts them out of the model's text, by transformers."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from caption_studio.language.caption_cut import QuotedCaption
from caption_studio.language.tokens import text_tokens
from caption_studio.records import Voice
from caption_studio.training.evaluation.problem import EvaluationProblem
from caption_studio.training.evaluation.writing.writer import SERVICE, Drawing, nothing
from caption_studio.voices.prompt import caption_stop

BATCH = 32
"""Prompts that are continued together."""

_NEXT_LINES = caption_stop(Voice("", ""))


@torch.inference_mode()
def write(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[str],
    drawing: Drawing,
    *,
    seed: int,
    wrote: Callable[[int], None] = nothing,
) -> list[str]:
    """Return the caption of each prompt.

    Prompts of similar length are continued together, padded on the left. Drawn captions depend on
    the seed and on the other prompts. `wrote` is told of each batch by its size. Raises
    `EvaluationProblem` for a prompt that is too long.
    """
    ids = [text_tokens(tokenizer, prompt) for prompt in prompts]
    require_room(model, max(map(len, ids), default=0) + SERVICE.caption_max_tokens)
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    torch.manual_seed(seed)
    captions: dict[int, str] = {}
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        texts = _continued(model, tokenizer, [ids[place] for place in chosen], drawing)
        captions |= {place: caption_in(text) for place, text in zip(chosen, texts, strict=True)}
        wrote(len(chosen))
    return [captions[place] for place in range(len(ids))]


def require_room(model: Any, tokens: int) -> None:
    """Raise `EvaluationProblem` if prompt and caption are longer than the model's context."""
    most = getattr(model.config, "max_position_embeddings", 2048)
    if tokens > most:
        raise EvaluationProblem(
            f"A row's prompt and caption take {tokens} tokens, and the base model takes {most}."
        )


def caption_in(text: str) -> str:
    """Return the caption in the model's text."""
    cut = QuotedCaption(_NEXT_LINES)
    return cut.feed(text) + cut.end()


def _continued(
    model: Any, tokenizer: Any, ids: Sequence[Sequence[int]], drawing: Drawing
) -> list[str]:
    longest, end = max(map(len, ids)), tokenizer.eos_token_id
    padded = torch.full((len(ids), longest), end)
    mask = torch.zeros((len(ids), longest), dtype=torch.long)
    for row, prompt in enumerate(ids):
        padded[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    generated = model.generate(
        input_ids=padded.to(model.device),
        attention_mask=mask.to(model.device),
        generation_config=_generation(drawing, end),
        stopping_criteria=StoppingCriteriaList([_CaptionsEnd(tokenizer, longest, len(ids))]),
    )
    return _texts(tokenizer, generated[:, longest:])


def _generation(drawing: Drawing, end: int) -> GenerationConfig:
    drawn: dict[str, Any] = {"do_sample": False}
    if drawing.temperature:
        drawn = {
            "do_sample": True,
            "temperature": drawing.temperature,
            "top_p": drawing.top_p,
            "top_k": 0,
        }
    return GenerationConfig(
        max_new_tokens=SERVICE.caption_max_tokens, eos_token_id=end, pad_token_id=end, **drawn
    )


def _texts(tokenizer: Any, generated: torch.Tensor) -> list[str]:
    texts: list[str] = tokenizer.batch_decode(
        generated, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return texts


class _CaptionsEnd(StoppingCriteria):  # type: ignore[misc]  # transformers has no types for us
    """Ends each row where its caption ends: the adapter of 2023 never ends by itself."""

    def __init__(self, tokenizer: Any, prompt_tokens: int, rows: int) -> None:
        self._tokenizer = tokenizer
        self._prompt_tokens = prompt_tokens
        self._ended = [False] * rows

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        """Return for each row whether it ends, as bool [rows]."""
        going = [row for row, ended in enumerate(self._ended) if not ended]
        for row, text in zip(
            going, _texts(self._tokenizer, input_ids[going, self._prompt_tokens :]), strict=True
        ):
            cut = QuotedCaption(_NEXT_LINES)
            cut.feed(text)
            self._ended[row] = cut.finished
        return torch.tensor(self._ended, device=input_ids.device)
