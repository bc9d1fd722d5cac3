"""Image prefixes → tokens: greedy, one step at a time for all rows in flight.

The cache is allocated once. Rows in flight are always its first rows, so a step reads views of it
and gathers nothing: one of the last rows overwrites a row that leaves. Positions count text only,
as in upstream's `generate()`; its `max_length` counts the first token too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from caption_studio.vision.git import Git, Layer
from caption_studio.vision.graphs import Record, Replays

COLUMNS = 8
"""The length of the cache, and so of the mask, is a multiple of this. Attention on a GPU would copy
a mask of any other length into a padded one, in each layer of each step."""

Key = TypeVar("Key")


class Written(NamedTuple):
    """A finished text: its tokens, and the natural logarithm of each one's probability.

    The first token is given and not chosen, so there is one logarithm fewer.
    """

    token_ids: list[int]
    logprobs: list[float]


@dataclass(frozen=True, slots=True)
class _Row(Generic[Key]):
    key: Key
    token_ids: list[int]
    logprobs: list[float] = field(default_factory=list)


class Decoder(Generic[Key]):
    """Up to `max_rows` descriptions being written, each under its caller's key.

    With `record`, steps are recorded once and replayed; each then reads the whole cache length.
    """

    def __init__(self, git: Git, *, max_rows: int, record: Record | None = None) -> None:
        self._git = git
        self._max_rows = max_rows
        self._rows: list[_Row[Key]] = []
        columns = -(-(git.image_tokens + git.max_length - 1) // COLUMNS) * COLUMNS
        shape = (max_rows, 2, git.heads, columns, git.head_size)
        self._cache = [git.weight.new_zeros(shape) for _ in git.layers]
        device = git.weight.device
        self._numbers = torch.arange(max_rows, device=device)
        self._columns = torch.arange(shape[3], device=device)
        self._token_ids = torch.zeros(max_rows, dtype=torch.long, device=device)
        self._positions = torch.zeros_like(self._token_ids)
        # Each row's next token and the logarithm of its probability, in one tensor, since each copy
        # from a GPU waits for it. float64 holds every token id exactly.
        self._chosen = torch.zeros((max_rows, 2), dtype=torch.float64, device=device)
        self._replays: Replays | None = None
        if record is not None:
            forward = partial(self._forward, length=shape[3], masked=True)
            self._replays = Replays(forward, most=max_rows, record=record)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def room(self) -> int:
        """How many rows may join."""
        return self._max_rows - len(self._rows)

    def join(self, keys: Sequence[Key], prefix: Sequence[Tensor]) -> None:
        """Begin one row for each key.

        `prefix`: each layer's [keys, 2, heads, image tokens, head size].
        """
        self._begin(len(self._rows), prefix)
        self._rows += [_Row(key, [self._git.bos]) for key in keys]

    def warm_up(self, prefix: Sequence[Tensor]) -> None:
        """Run one step on dummy rows; only while no row is in flight."""
        rows = len(prefix[0])
        self._begin(0, prefix)
        self._next([self._git.bos] * rows, [0] * rows)

    def step(self) -> list[tuple[Key, Written]]:
        """Write one more token in each row; remove and return the rows that are finished."""
        git = self._git
        token_ids = [row.token_ids[-1] for row in self._rows]
        positions = [len(row.token_ids) - 1 for row in self._rows]
        for row, chosen in zip(self._rows, self._next(token_ids, positions), strict=True):
            row.token_ids.append(int(chosen[0]))
            row.logprobs.append(chosen[1])
        finished = self._remove(
            lambda row: row.token_ids[-1] in git.eos or len(row.token_ids) == git.max_length
        )
        return [(row.key, Written(row.token_ids, row.logprobs)) for row in finished]

    def clear(self) -> None:
        """Forget every row; runs nothing on the device, which may be broken."""
        self._rows.clear()

    def drop(self, is_gone: Callable[[Key], bool]) -> list[Key]:
        """Remove the rows for whose keys `is_gone` is true; return their keys."""
        return [row.key for row in self._remove(lambda row: is_gone(row.key))]

    def _remove(self, leaves: Callable[[_Row[Key]], bool]) -> list[_Row[Key]]:
        """Remove rows; rows beyond the new end move into the free places, in one copy per layer."""
        left = [number for number, row in enumerate(self._rows) if leaves(row)]
        removed = [self._rows[number] for number in left]
        end = len(self._rows) - len(left)
        gone = set(left)
        free = [number for number in left if number < end]
        moving = [number for number in range(end, len(self._rows)) if number not in gone]
        for number, last in zip(free, moving, strict=True):
            self._rows[number] = self._rows[last]
        del self._rows[end:]
        if free:
            for cached in self._cache:
                cached[free] = cached[moving]
        return removed

    def _begin(self, row: int, prefix: Sequence[Tensor]) -> None:
        for cached, layer_prefix in zip(self._cache, prefix, strict=True):
            cached[row : row + len(layer_prefix), :, :, : self._git.image_tokens] = layer_prefix

    def _next(self, token_ids: list[int], positions: list[int]) -> list[list[float]]:
        rows = len(token_ids)
        self._token_ids[:rows] = torch.tensor(token_ids)
        self._positions[:rows] = torch.tensor(positions)
        if self._replays is not None:
            self._replays(rows)
        else:
            length = self._git.image_tokens + max(positions) + 1
            self._forward(rows, length=length, masked=min(positions) != max(positions))
        chosen: list[list[float]] = self._chosen[:rows].tolist()
        return chosen

    def _forward(self, rows: int, *, length: int, masked: bool) -> None:
        """Write the first rows' next tokens; rows of equal length need no mask."""
        git = self._git
        embeddings = git.model.git.embeddings
        positions = self._positions[:rows]
        hidden = embeddings.word_embeddings(self._token_ids[:rows])
        hidden = embeddings.LayerNorm(hidden + embeddings.position_embeddings(positions))
        columns = positions + git.image_tokens
        mask = self._mask(columns, length, hidden.dtype) if masked else None
        for layer, cached in zip(git.layers, self._cache, strict=True):
            hidden = self._layer(layer, cached, hidden, columns, length, mask)
        logits = git.model.output(hidden)
        next_ids = logits.argmax(dim=-1, keepdim=True)
        logprobs = logits.gather(1, next_ids).float() - logits.float().logsumexp(1, keepdim=True)
        self._chosen[:rows, :1] = next_ids
        self._chosen[:rows, 1:] = logprobs

    def _mask(self, columns: Tensor, length: int, dtype: torch.dtype) -> Tensor:
        """Return the mask to add to the scores, [rows, 1, 1, length]: made once for all layers."""
        later = self._columns[:length] > columns[:, None]
        mask = torch.zeros(later.shape, dtype=dtype, device=later.device)
        return mask.masked_fill_(later, -torch.inf)[:, None, None]

    def _layer(
        self,
        layer: Layer,
        cached: Tensor,
        hidden: Tensor,
        columns: Tensor,
        length: int,
        mask: Tensor | None,
    ) -> Tensor:
        """One layer over [rows, hidden]; writes the new keys and values into the cache."""
        rows = len(hidden)
        qkv = functional.linear(hidden, layer.qkv_weight, layer.qkv_bias)
        by_head = qkv.view(rows, 3, self._git.heads, self._git.head_size)
        cached[self._numbers[:rows], :, :, columns] = by_head[:, 1:]
        context = functional.scaled_dot_product_attention(
            by_head[:, 0, :, None],
            cached[:rows, 0, :, :length],
            cached[:rows, 1, :, :length],
            attn_mask=mask,
        )
        return layer.after_attention(context.reshape(rows, -1), hidden, functional.linear)
