"""Top-p on the CPU without sorting the vocabulary: a logits processor for vLLM.

vLLM's own CPU path (vllm/v1/sample/ops/topk_topp_sampler.py, 0.32.0) sorts the whole vocabulary
of every row at every step, which takes a fifth of the demo engine's time. The tokens that top-p
keeps are nearly always among the few likeliest, and finding those is ten times cheaper (64 rows of
1,536: 0.56 ms instead of 5.6 ms). Any other row is sorted as before. The kept set is the same, and
so are the tokens that a seed gives. On a GPU vLLM has kernels for it, and this is not used.
"""

from typing import Any

import torch
from vllm import SamplingParams
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates

TOP_P = "caption_studio_top_p"
"""The name in `SamplingParams.extra_args`; with its own `top_p` vLLM would sort."""

LIKELIEST = 24
"""Tokens tried before a row is sorted. The notebook's settings (temperature 0.1, top_p 0.7) keep
one or two."""


class TopPWithoutSorting(LogitsProcessor):  # type: ignore[misc]
    """Applies each request's `TOP_P` where vLLM applies min-p: after the temperature."""

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        self._of_row: dict[int, float] = {}
        self._rows = torch.empty(0, dtype=torch.long)
        self._top_p = torch.empty(0)

    def is_argmax_invariant(self) -> bool:
        """The likeliest token is always kept, so greedy rows never need this."""
        return True

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Follow the requests as they join, leave and change rows."""
        if process_dict_updates(self._of_row, batch_update, _wanted):
            rows = sorted(self._of_row)
            self._rows = torch.tensor(rows, dtype=torch.long)
            self._top_p = torch.tensor([self._of_row[row] for row in rows])

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the logits, float32 `[rows, vocabulary]`, with -inf for tokens outside top-p."""
        if len(self._rows) == len(logits):
            return keep_nucleus(logits, self._top_p)
        if len(self._rows):
            logits[self._rows] = keep_nucleus(logits[self._rows], self._top_p)
        return logits


def keep_nucleus(logits: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """Return the logits of the fewest likeliest tokens of each row that reach `top_p`.

    `logits` and the result are float32 `[rows, vocabulary]`; the other tokens are -inf. `top_p`
    is `[rows]`.
    """
    values, tokens = logits.topk(min(LIKELIEST, logits.shape[1]), dim=1)
    probabilities = logits.softmax(dim=1)
    unreached = _drop_behind_nucleus(values, probabilities.gather(1, tokens), top_p)
    kept = torch.full_like(logits, -torch.inf).scatter_(1, tokens, values)
    if len(unreached):
        values, tokens = logits[unreached].sort(dim=1, descending=True)
        _drop_behind_nucleus(values, probabilities[unreached].gather(1, tokens), top_p[unreached])
        kept[unreached] = torch.empty_like(values).scatter_(1, tokens, values)
    return kept


def _drop_behind_nucleus(
    values: torch.Tensor, probabilities: torch.Tensor, top_p: torch.Tensor
) -> torch.Tensor:
    """Set the tokens after `top_p` is reached to -inf; return the rows that do not reach it.

    `values` and their `probabilities`, both `[rows, tokens]`, descend along each row.
    """
    reached = probabilities.cumsum(dim=1)
    # A token stays if those before it do not reach top_p.
    values[:, 1:].masked_fill_(reached[:, :-1] >= top_p.unsqueeze(1), -torch.inf)
    return (reached[:, -1] < top_p).nonzero().flatten()


def _wanted(params: SamplingParams, *_: list[int] | None) -> float | None:
    wanted: float | None = (params.extra_args or {}).get(TOP_P)
    return wanted
