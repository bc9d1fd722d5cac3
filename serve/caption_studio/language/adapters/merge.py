"""Falcon checkpoint + LoRA adapter → one checkpoint with the adapter in its weights.

Served as a base model, it answers as the pair does, without an adapter's cost at each
step. Not here: serving it, and its id (language.engine).
"""

import logging
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Set
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from peft import PeftConfig, PeftModel, PeftType
from peft.tuners.lora import LoraLayer
from peft.utils import get_peft_model_state_dict, load_peft_weights
from transformers import AutoTokenizer, FalconConfig, FalconForCausalLM, PreTrainedConfig

from caption_studio.language import checkpoint
from caption_studio.language.falcon_config import is_falcon, modern_fields

logger = logging.getLogger(__name__)

_MATRIX = re.compile(r"(\.lora_[AB])\.weight$")
"""The end of a matrix's name in a file; a model has the adapter's name before `.weight`."""

Weights = Mapping[str, torch.Tensor]
Named = tuple[str, torch.Tensor]
HEAD, EMBEDDINGS = "lm_head.weight", "transformer.word_embeddings.weight"
Change = Callable[[], torch.Tensor]
"""Computes the tensor that is added to a weight."""


def write_merged_checkpoint(
    base: str,
    adapter: str,
    folder: Path,
    dtype: Literal["float32", "bfloat16", "float16"],
) -> None:
    """Write `base` with `adapter` merged into it to `folder`, which must not exist yet.

    Each sum is taken in float32 and rounded once, to `dtype`. Tensors are merged one at a time:
    memory holds the largest in float32 and some 2 GB that wait to be written. The folder appears
    complete or not at all. `base` and `adapter` are folders.

    Raises:
        ValueError: `base` is no Falcon that can be served, or `adapter` does not fit it.
        FileExistsError: there is something at `folder`.
        OSError: `base` has no weights.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} is in the way of the merged checkpoint")
    config = read_config(base)
    config.dtype, config.architectures = getattr(torch, dtype), ["FalconForCausalLM"]
    with torch.device("meta"):
        model = FalconForCausalLM(config)
    names = set(model.state_dict())
    if config.tie_word_embeddings:
        names.discard(HEAD)
    changes = _changes(model, adapter)
    tokenizer = AutoTokenizer.from_pretrained(base, config=config)
    part = folder.with_name(f"{folder.name}.part")
    part.mkdir(parents=True)
    try:
        read = checkpoint.read(Path(base))
        if config.tie_word_embeddings:
            read = _untwinned(read)
        checkpoint.write(_merged(base, read, names, changes, config.dtype), part)
        config.save_pretrained(part)
        tokenizer.save_pretrained(part)
    except BaseException:
        shutil.rmtree(part)
        raise
    part.rename(folder)
    logger.info("adapter merged", extra={"adapter": adapter, "dtype": dtype})


def read_config(base: str) -> FalconConfig:
    """Return the config of a Falcon in any of its forms. Raises `ValueError`."""
    stored, _ = PreTrainedConfig.get_config_dict(base)
    if not is_falcon(stored):
        raise ValueError(f"{base} is no Falcon: its model type is {stored.get('model_type')}.")
    return FalconConfig.from_dict(modern_fields(stored))


def _merged(
    base: str,
    read: Iterator[Named],
    names: Set[str],
    changes: Mapping[str, Change],
    dtype: torch.dtype,
) -> Iterator[Named]:
    """Yield the named tensors of the base, some of them changed by the adapter."""
    missing = set(names)
    for name, weight in read:
        if name in names:  # others are buffers
            missing.discard(name)
            yield name, _sum(name, weight, changes.get(name)).to(dtype)
    if missing:
        raise ValueError(f"{base} lacks {min(missing)}, so it is no whole Falcon.")


def _sum(name: str, weight: torch.Tensor, change: Change | None) -> torch.Tensor:
    if change is None:
        return weight
    total = weight.float() + change().float()
    if not torch.isfinite(total).all():
        raise ValueError(f"The adapter makes {name} infinite or no number.")
    return total


def _changes(model: FalconForCausalLM, adapter: str) -> Mapping[str, Change]:
    """Return PEFT's change for each weight that the adapter changes.

    `model` has shapes but no data; only the adapter's own matrices take memory.
    """
    config = PeftConfig.from_pretrained(adapter)
    if config.peft_type != PeftType.LORA or config.modules_to_save:
        raise ValueError(f"The adapter {adapter} is more than LoRA matrices and cannot be merged.")
    try:
        with torch.device("meta"):
            adapted = PeftModel(model, config)
    except ValueError as error:  # PEFT's, for target modules that the model does not have
        raise ValueError(f"The adapter {adapter} does not fit the base model.") from error
    weights = load_peft_weights(adapter, device="cpu")
    # "auto" would ask the hub about the name that the adapter gives its base model
    wanted = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    _require_fit(adapter, weights, wanted)
    # PEFT's own function would put them on the base model's device, which is meta.
    adapted.load_state_dict(
        {
            _MATRIX.sub(r"\1.default.weight", name): weight.float()  # PEFT would round the product
            for name, weight in weights.items()
        },
        strict=False,
        assign=True,
    )
    return {
        f"{name}.weight": partial(layer.get_delta_weight, "default")
        for name, layer in adapted.get_base_model().named_modules()
        if isinstance(layer, LoraLayer)
    }


def _untwinned(read: Iterator[Named]) -> Iterator[Named]:
    """Yield the tensors of a model that ties its head to its embeddings, the shared matrix once.

    A checkpoint has it under one of the names, or under both. Raises `ValueError` if the two
    differ: then they are not tied, whatever the config says.
    """
    twins: dict[str, torch.Tensor] = {}
    for name, weight in read:
        if name in (HEAD, EMBEDDINGS):
            twins[name] = weight
        else:
            yield name, weight
    if len(twins) == 2 and not torch.equal(twins[HEAD], twins[EMBEDDINGS]):
        raise ValueError("The checkpoint's head is not its embeddings, and its config ties them.")
    if twins:
        yield EMBEDDINGS, next(iter(twins.values()))


def _require_fit(adapter: str, weights: Weights, wanted: Weights) -> None:
    """Raise unless the adapter has exactly the matrices that the base model takes.

    PEFT only warns of a missing or an extra one, and the model answers as the base model would.
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
