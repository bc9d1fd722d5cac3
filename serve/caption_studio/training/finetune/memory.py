"""Shapes of model and batch → the bytes that training takes, part by part; pure.

Only what grows with model and batch is counted. Constants say where they come from.
"""

from dataclasses import dataclass, fields
from typing import Any

from caption_studio.language.adapters.check import BaseModel

NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Of one weight: four bits, a byte of scale for 64 weights, and one float32 for 256 scales."""
TRAINED_BYTES = 4 + 4 + 8
"""Of one weight of the adapter, float32: itself, its gradient and AdamW's two moments."""
SAVED_WIDTHS = 10
"""Numbers that autograd keeps of a token in one layer, in widths of the hidden state: the layer
norm's input, the adapter's input, query and scaled query, and four for the activation in the
feed-forward part; counted by tests/unit/training/finetune/test_memory.py."""
LOGIT_TILE = (4096, 32768)
"""Tokens and words whose scores TRL computes at once (trl/kernels/chunked_logprob.py, 1.16)."""
LOGIT_BYTES = 16
"""Of one score of such a tile: float32, and its copies while the loss is computed."""
RESERVE = 0.15
"""For what the allocator cannot use, and for what is here only for a moment."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a base model with its adapter, in numbers."""

    width: int
    layers: int
    heads: int
    vocabulary: int
    linear: int
    other: int
    largest_linear: int
    adapter: int

    @classmethod
    def of(cls, config: Any, rank: int, target_modules: tuple[str, ...]) -> "Shape":
        """Return the sizes for transformers' `FalconConfig` and an adapter of this rank."""
        base = BaseModel.of(config, ())
        sizes = base.modules.items()
        embeddings = 1 if config.tie_word_embeddings else 2
        return cls(
            width=config.hidden_size,
            layers=base.layers,
            heads=config.num_attention_heads,
            vocabulary=config.vocab_size,
            linear=sum(inputs * outputs for _, (inputs, outputs) in sizes),
            other=embeddings * config.vocab_size * config.hidden_size,
            largest_linear=max(inputs * outputs for _, (inputs, outputs) in sizes),
            adapter=sum(
                rank * (inputs + outputs)
                for name, (inputs, outputs) in sizes
                if name.rpartition(".")[2] in target_modules
            ),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """A micro-batch as it lies in memory: `rows` sequences of `tokens`, padding included."""

    rows: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes by what they are for."""

    base_model: int
    adapter_and_optimiser: int
    activations: int
    logits: int
    reserve: int

    @property
    def total(self) -> int:
        """All together."""
        return sum(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        parts = [f"{in_words(getattr(self, f.name))} {_words(f.name)}" for f in fields(self)]
        return f"{in_words(self.total)} ({' + '.join(parts)})"


def needs(
    shape: Shape, batch: Batch, *, dtype_bytes: int, quantized: bool, checkpointing: bool
) -> Needs:
    """Return the bytes for training on micro-batches like this one."""
    linear_bytes = shape.linear * (NF4_BYTES if quantized else dtype_bytes)
    unpacked = shape.largest_linear * dtype_bytes if quantized else 0
    base = linear_bytes + shape.other * dtype_bytes
    trained = shape.adapter * TRAINED_BYTES
    activations = unpacked + _activations(shape, batch, dtype_bytes, checkpointing)
    logits = _tile(batch.rows * batch.tokens, 0) * _tile(shape.vocabulary, 1) * LOGIT_BYTES
    reserve = RESERVE * (base + trained + activations + logits)
    return Needs(int(base), trained, int(activations), logits, int(reserve))


def _activations(shape: Shape, batch: Batch, dtype_bytes: int, checkpointing: bool) -> int:
    """With checkpointing: each layer's input, and one layer's all while it is computed anew."""
    numbers = SAVED_WIDTHS * shape.width + shape.heads * batch.tokens  # scores: one of each pair
    in_a_layer = batch.rows * batch.tokens * numbers * dtype_bytes
    if not checkpointing:
        return shape.layers * in_a_layer
    return shape.layers * batch.rows * batch.tokens * shape.width * dtype_bytes + in_a_layer


def in_words(number: float) -> str:
    """Return bytes for people, in decimal units."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if number >= size / 10:
            return f"{number / size:.1f} {unit}"
    return f"{number / 1e3:.0f} kB"


def _tile(number: int, side: int) -> int:
    return min(number, LOGIT_TILE[side])


def _words(name: str) -> str:
    return name.replace("_", " ")
