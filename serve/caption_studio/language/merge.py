"""Falcon checkpoint + LoRA adapter → one checkpoint with the adapter in its weights.

Served as a base model it answers what the pair answers, without an adapter's cost at each
step. Not here: who serves it, and under which id (language.engine).
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import torch
from peft import PeftConfig, PeftModel, PeftType
from peft.utils import get_peft_model_state_dict, load_peft_weights, set_peft_model_state_dict
from transformers import AutoTokenizer, FalconConfig, FalconForCausalLM, PreTrainedConfig

from caption_studio.language.falcon_config import is_falcon, modern_fields

logger = logging.getLogger(__name__)

Weights = Mapping[str, torch.Tensor]


def write_merged_checkpoint(
    base: str,
    adapter: str,
    folder: Path,
    dtype: Literal["float32", "bfloat16", "float16"],
    *,
    revision: str | None = None,
) -> None:
    """Write `base` with `adapter` merged into it to `folder`, which must not exist yet.

    The sum is taken in float32 and rounded once, to `dtype`; in memory there is one float32
    copy of the model (28 GB for 7B). The folder appears complete or not at all. `base` and
    `adapter` are folders or hub ids, `revision` is a commit of `base`.

    Raises:
        ValueError: `base` is no Falcon that can be served, or `adapter` does not fit it.
        FileExistsError: there is something at `folder`.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} is in the way of the merged checkpoint")
    config = read_config(base, revision)
    model = FalconForCausalLM.from_pretrained(
        base, config=config, revision=revision, dtype=torch.float32
    )
    merged = _merged(model, adapter).to(getattr(torch, dtype))
    tokenizer = AutoTokenizer.from_pretrained(base, config=config, revision=revision)
    part = folder.with_name(f"{folder.name}.part")
    merged.save_pretrained(part)
    tokenizer.save_pretrained(part)
    part.rename(folder)
    logger.info("adapter merged", extra={"adapter": adapter, "dtype": dtype})


def read_config(base: str, revision: str | None = None) -> FalconConfig:
    """Return the config of a Falcon in any of its forms. Raises `ValueError`."""
    stored, _ = PreTrainedConfig.get_config_dict(base, revision=revision)
    if not is_falcon(stored):
        raise ValueError(f"{base} is no Falcon: its model type is {stored.get('model_type')}.")
    return FalconConfig.from_dict(modern_fields(stored))


def _merged(model: FalconForCausalLM, adapter: str) -> FalconForCausalLM:
    config = PeftConfig.from_pretrained(adapter)
    if config.peft_type != PeftType.LORA or config.modules_to_save:
        raise ValueError(f"The adapter {adapter} is more than LoRA matrices and cannot be merged.")
    try:
        adapted = PeftModel(model, config)
    except ValueError as error:  # PEFT's, for target modules that the model does not have
        raise ValueError(f"The adapter {adapter} does not fit the base model.") from error
    weights = load_peft_weights(adapter, device="cpu")
    # "auto" would ask the hub about the name that the adapter gives its base model
    wanted = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    _require_fit(adapter, weights, wanted)
    set_peft_model_state_dict(adapted, weights)
    return adapted.merge_and_unload(safe_merge=True)  # safe: raises ValueError for NaN and inf


def _require_fit(adapter: str, weights: Weights, wanted: Weights) -> None:
    """Raise unless every matrix has its place and every place its matrix.

    PEFT only warns of either, and answers as the base model would.
    """
    for name in sorted(weights.keys() ^ wanted.keys()):
        where = "the base model has no place for" if name in weights else "the adapter lacks"
        raise ValueError(f"The adapter {adapter} does not fit the base model: {where} {name}.")
    for name, weight in weights.items():
        if weight.shape != wanted[name].shape:
            raise ValueError(
                f"The adapter {adapter} does not fit the base model: {name} is "
                f"{list(weight.shape)}, it would have to be {list(wanted[name].shape)}."
            )
