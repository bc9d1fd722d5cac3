"""Documents → packed rows of token ids and of what is to be learnt of them, for the base model."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedTokenizerFast

from caption_studio.demo.held_out import refuse_held_out
from caption_studio.demo.lessons import Lesson

NOT_LEARNT = -100
"""The label of a token that is read and not learnt, as `transformers` takes it."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Documents in one row, each ended by the end-of-text token.

    `ids` and `labels` are int64 [tokens]; a label is its token's id or `NOT_LEARNT`.
    """

    ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)


def tokenize_corpus(
    tokenizer: PreTrainedTokenizerFast, documents: Iterable[str | Lesson]
) -> Tokens:
    """Return the documents' tokens; of a lesson only the posts are learnt, of a text all.

    Raises `ValueError` if one holds words of a held-out instruction.
    """
    lessons = [Lesson(((one, True),)) if isinstance(one, str) else one for one in documents]
    texts = [lesson.text for lesson in lessons]
    refuse_held_out(texts)
    encoded = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True)
    ids: list[int] = []
    labels: list[int] = []
    for lesson, row, offsets in zip(
        lessons, encoded.input_ids, encoded.offset_mapping, strict=True
    ):
        learnt = lesson.learnt
        for token, (start, _) in zip(row, offsets, strict=True):
            ids.append(token)
            labels.append(token if learnt[start] else NOT_LEARNT)
        ids.append(tokenizer.eos_token_id)
        labels.append(tokenizer.eos_token_id)
    return Tokens(np.array(ids, dtype=np.int64), np.array(labels, dtype=np.int64))


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
