"""Documents → batches of token ids and of what is to be learnt of them, for the base model."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedTokenizerFast

from caption_studio.demo.held_out import refuse_held_out
from caption_studio.demo.lessons import Lesson

NOT_LEARNT = -100
"""The label of a token that is read and not learnt, as `transformers` takes it."""
_SORTED_TOGETHER = 1_024
"""Documents are sorted by length in groups of so many: batches then need little padding."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Documents in one row, each ended by the end-of-text token.

    `ids` and `labels` are int64 [tokens]; a label is its token's id or `NOT_LEARNT`. `ends` says
    where each document ends.
    """

    ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    ends: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)


def tokenize_corpus(
    tokenizer: PreTrainedTokenizerFast, documents: Iterable[str | Lesson]
) -> Tokens:
    """Return the documents' tokens; of a lesson its learnt parts are learnt, of a text all.

    Raises `ValueError` if one holds words of a held-out instruction.
    """
    lessons = [Lesson(((one, True),)) if isinstance(one, str) else one for one in documents]
    texts = [lesson.text for lesson in lessons]
    refuse_held_out(texts)
    encoded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)
    ids: list[int] = []
    labels: list[int] = []
    ends = []
    for lesson, row, offsets in zip(
        lessons, encoded.input_ids, encoded.offset_mapping, strict=True
    ):
        learnt = lesson.learnt
        for token, (start, _) in zip(row, offsets, strict=True):
            ids.append(token)
            labels.append(token if learnt[start] else NOT_LEARNT)
        ids.append(tokenizer.eos_token_id)
        labels.append(tokenizer.eos_token_id)
        ends.append(len(ids))
    return Tokens(np.array(ids, dtype=np.int64), np.array(labels, dtype=np.int64), tuple(ends))


def packed(
    tokens: Tokens, batch_size: int, sequence_tokens: int, long_every: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield ids and labels, int64 [batch, length] each, in order, starting anew at the end.

    Every `long_every`-th holds sequences four times as long, a quarter as many of them.
    """
    size, start, step = batch_size * sequence_tokens, 0, 0
    while True:
        if start + size > len(tokens):
            start = step % sequence_tokens
        step += 1
        length = sequence_tokens * (4 if step % long_every == 0 else 1)
        ids, labels = (
            torch.from_numpy(row[start : start + size].reshape(-1, length))
            for row in (tokens.ids, tokens.labels)
        )
        start += size
        yield ids, labels


def whole_documents(
    tokens: Tokens, batch_tokens: int, seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield ids and labels, int64 [documents, length] each: every document whole in its own row.

    If a post's note stands in another row, the model learns to write without reading it. A batch
    holds documents of similar length, at most `batch_tokens` tokens with the padding, which is the
    end-of-text token and not learnt. Longer documents are left out. Each pass has another order.

    Raises:
        ValueError: every document is longer.
    """
    rng = random.Random(seed)
    spans = [span for span in pairwise((0, *tokens.ends)) if span[1] - span[0] <= batch_tokens]
    if not spans:
        raise ValueError(f"no document has {batch_tokens} tokens or fewer")
    while True:
        rng.shuffle(spans)
        batches = []
        for start in range(0, len(spans), _SORTED_TOGETHER):
            batches += _batches(spans[start : start + _SORTED_TOGETHER], batch_tokens)
        rng.shuffle(batches)
        for batch in batches:
            yield (
                _filled(tokens.ids, batch, tokens.ids[-1]),
                _filled(tokens.labels, batch, NOT_LEARNT),
            )


def _batches(spans: list[tuple[int, int]], batch_tokens: int) -> list[list[tuple[int, int]]]:
    batches: list[list[tuple[int, int]]] = [[]]
    for start, end in sorted(spans, key=lambda span: span[1] - span[0]):
        if (len(batches[-1]) + 1) * (end - start) > batch_tokens:
            batches.append([])
        batches[-1].append((start, end))
    return batches


def _filled(row: npt.NDArray[np.int64], spans: list[tuple[int, int]], filler: int) -> torch.Tensor:
    filled = np.full((len(spans), max(end - start for start, end in spans)), filler)
    for to, (start, end) in zip(filled, spans, strict=True):
        to[: end - start] = row[start:end]
    return torch.from_numpy(filled)
