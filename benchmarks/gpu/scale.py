"""Sizes of the models and of the loads: the true shapes, or tiny ones for a test."""

from dataclasses import dataclass
from typing import Any

import torch
from transformers import FalconConfig, GitConfig, GitVisionConfig

from benchmarks.describer.models import LARGE_MAX_LENGTH, git_large_config


@dataclass(frozen=True)
class Scale:
    """Shapes and counts. Loads are by pictures or requests in flight."""

    device: torch.device
    dtype: str
    git: GitConfig
    git_exact: GitConfig
    falcon: FalconConfig
    falcon_exact: FalconConfig
    copy_bytes: int
    matrix_side: int
    describer_rows: tuple[int, ...]
    describer_count: int
    captioner_in_flight: tuple[int, ...]
    chain_in_flight: tuple[int, ...]
    rounds: int
    """Number of requests per place in flight."""

    @property
    def torch_dtype(self) -> torch.dtype:
        """Return `dtype` as torch knows it."""
        dtype: torch.dtype = getattr(torch, self.dtype)
        return dtype


MAX_LENGTH = LARGE_MAX_LENGTH
"""Of a description, including its first token: 12 decode steps, about COCO's texts."""

PROMPT_TOKENS, ANSWER_TOKENS = 32, 25


def falcon_7b_config(*, layers: int = 32) -> FalconConfig:
    """Return tiiuae/falcon-7b-instruct's config, or one with fewer layers.

    Source: https://huggingface.co/tiiuae/falcon-7b-instruct/blob/main/config.json
    """
    return FalconConfig(
        vocab_size=65024,
        hidden_size=4544,
        num_hidden_layers=layers,
        num_attention_heads=71,
        multi_query=True,
        parallel_attn=True,
        bias=False,
        alibi=False,
        new_decoder_architecture=False,
        bos_token_id=11,
        eos_token_id=11,
    )


def full() -> Scale:
    """Return the true shapes, for one GPU."""
    return Scale(
        device=torch.device("cuda"),
        dtype="bfloat16",
        git=git_large_config(),
        git_exact=git_large_config(),
        falcon=falcon_7b_config(),
        falcon_exact=falcon_7b_config(layers=2),
        copy_bytes=2**32,
        matrix_side=8192,
        describer_rows=(256, 64),
        describer_count=4096,
        captioner_in_flight=(1, 64, 256, 512),
        chain_in_flight=(1, 64, 256),
        rounds=8,
    )


def tiny() -> Scale:
    """Return shapes that a CPU runs in seconds: they test the code and give no result."""
    git = GitConfig(
        vision_config=GitVisionConfig(
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=64,
            patch_size=16,
        ).to_dict(),
        vocab_size=300,
        hidden_size=192,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=384,
        bos_token_id=101,
        eos_token_id=102,
    )
    falcon = FalconConfig(
        vocab_size=1536,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        multi_query=True,
        parallel_attn=True,
        bias=False,
        alibi=False,
        new_decoder_architecture=False,
        bos_token_id=11,
        eos_token_id=11,
    )
    return Scale(
        device=torch.device("cpu"),
        dtype="float32",
        git=git,
        git_exact=git,
        falcon=falcon,
        falcon_exact=falcon,
        copy_bytes=2**20,
        matrix_side=128,
        describer_rows=(4,),
        describer_count=16,
        captioner_in_flight=(1, 4),
        chain_in_flight=(1, 2),
        rounds=2,
    )


def described(scale: Scale) -> dict[str, Any]:
    """Return the description of the models that goes into a result."""
    return {
        "weights": "random; the configs are git-large-coco's and falcon-7b-instruct's"
        if scale.device.type == "cuda"
        else "random and tiny: a test of the code, not a result",
        "dtype": scale.dtype,
        "git": scale.git.to_dict(),
        "falcon": scale.falcon.to_dict(),
        "description_tokens": MAX_LENGTH - 1,
        "prompt_tokens": PROMPT_TOKENS,
        "answer_tokens": ANSWER_TOKENS,
    }
