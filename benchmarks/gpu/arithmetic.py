"""Configs → the least operations and bytes of a result; pure.

A figure's limit follows from them and the card's measured rates: see `limits.Card`. Only matrix
products count; a multiplication and an addition are two operations.
"""

from dataclasses import dataclass
from typing import Any

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "fp8": 1}


@dataclass(frozen=True)
class Work:
    """The least work of one result."""

    operations: float
    bytes_: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        return Work(self.operations + other.operations, self.bytes_ + other.bytes_)


def picture(config: Any, text_tokens: int) -> Work:
    """Return a description's work in a full batch, which reads the weights once for all rows.

    `config`: transformers' `GitConfig`; `text_tokens` are the decode steps.
    """
    vision = config.vision_config
    image_tokens = (vision.image_size // vision.patch_size) ** 2 + 1
    patches = 2 * (image_tokens - 1) * 3 * vision.patch_size**2 * vision.hidden_size
    encoder = (
        vision.num_hidden_layers
        * image_tokens
        * (
            _layer(vision.hidden_size, vision.intermediate_size)
            + _attention(vision.hidden_size, image_tokens)
        )
    )
    prefix = 2 * image_tokens * vision.hidden_size * config.hidden_size
    prefix += (
        config.num_hidden_layers
        * image_tokens
        * (
            _layer(config.hidden_size, config.intermediate_size)
            + _attention(config.hidden_size, image_tokens)
        )
    )
    head = 2 * config.hidden_size * config.vocab_size
    step = head + config.num_hidden_layers * (
        _layer(config.hidden_size, config.intermediate_size)
        + _attention(config.hidden_size, image_tokens + text_tokens)
    )
    return Work(float(patches + encoder + prefix + text_tokens * step))


def falcon_parameters(config: Any) -> int:
    """Return the parameters of a Falcon with one key-value head and one norm a layer (7B)."""
    hidden, head = config.hidden_size, config.hidden_size // config.num_attention_heads
    attention = hidden * (hidden + 2 * head) + hidden * hidden
    mlp = 2 * 4 * hidden * hidden
    layer = attention + mlp + 2 * hidden
    return int(config.num_hidden_layers * layer + config.vocab_size * hidden + 2 * hidden)


def request(config: Any, prompt_tokens: int, answer_tokens: int) -> Work:
    """Return an answer's work in a full batch, without that of attention.

    Each token except the answer's last passes through all layers once. The head is needed only to
    choose the answer's tokens.
    """
    head = config.vocab_size * config.hidden_size
    passes = prompt_tokens + answer_tokens - 1
    return Work(2.0 * ((falcon_parameters(config) - head) * passes + head * answer_tokens))


def lone_step(config: Any, dtype: str) -> Work:
    """Return the work of one decode step of a lone sequence, which reads every weight."""
    parameters = falcon_parameters(config)
    return Work(2.0 * parameters, float(parameters * BYTES[dtype]))


def _layer(hidden: int, intermediate: int) -> int:
    """Return the operations of one token in one layer, without attention's own."""
    return 2 * (4 * hidden * hidden + 2 * hidden * intermediate)


def _attention(hidden: int, length: int) -> int:
    """Return the operations of one token that attends to `length` tokens in one layer."""
    return 2 * 2 * length * hidden
