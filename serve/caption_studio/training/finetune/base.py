"""The name of a base model → its configuration, its tokenizer, its weights as training wants them.

The checkpoint's own code is never run; configurations of 2023 are translated as the service does.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    BitsAndBytesConfig,
    FalconConfig,
    FalconForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.utils import cached_file

from caption_studio.language.falcon_config import is_falcon, modern_fields
from caption_studio.settings import model_location
from caption_studio.training.finetune.failures import Refused
from caption_studio.training.finetune.machine import Machine


@dataclass(frozen=True, slots=True)
class Base:
    """A Falcon that was found: `id` is what the service knows it by.

    `folder` holds its configuration and tokenizer, `commit` its revision if it is of the hub.
    """

    id: str
    source: str
    folder: Path
    commit: str | None
    config: FalconConfig


def find(source: str, revision: str | None = None) -> Base:
    """Return the base model that lies in a folder, on the hub, or in this package (embedded:NAME).

    Raises `Refused` if there is none, or if it is no Falcon that the service can serve.
    """
    location = model_location(source)
    is_folder = Path(location).is_dir()
    if is_folder and revision is not None:
        raise Refused(f"{source} is a folder, and a folder has no --revision.")
    file = _config_file(location, revision)
    try:
        fields = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise Refused(f"The config.json of {source} cannot be read.") from error
    if not isinstance(fields, dict) or not is_falcon(fields):
        kind = fields.get("model_type") if isinstance(fields, dict) else None
        raise Refused(f"{source} is no Falcon: the model_type in its config.json is {kind}.")
    try:
        config = FalconConfig.from_dict(modern_fields(fields))
    except (TypeError, ValueError) as error:
        raise Refused(f"{source}: {str(error).splitlines()[0]}") from error
    folder = file.parent
    name = Path(location).resolve().name if is_folder else source
    return Base(name, location, folder, None if is_folder else folder.name, config)


def tokenizer_of(base: Base) -> PreTrainedTokenizerFast:
    """Return the base model's tokenizer. Raises `Refused`."""
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(base.source, revision=base.commit)
    except (OSError, ValueError) as error:
        raise Refused(f"The tokenizer of {base.source} cannot be loaded.") from error
    if tokenizer.eos_token_id is None:
        raise Refused(f"The tokenizer of {base.source} has no end-of-text token.")
    return tokenizer


def load(base: Base, machine: Machine, quantize: str | None) -> FalconForCausalLM:
    """Return the model with frozen weights, on the machine's device.

    Raises:
        Refused: there are no weights, or they are not this model's.
    """
    options: dict[str, Any] = {
        "config": base.config,
        "revision": base.commit,
        "dtype": getattr(torch, machine.dtype),
        "attn_implementation": "sdpa",
    }
    kind: type[FalconForCausalLM] = FalconForCausalLM
    if quantize:
        kind = _OfPlainLinears
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=quantize,
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=options["dtype"],
        )
        options["device_map"] = {"": 0 if machine.device == "cuda" else "cpu"}
    try:
        model = kind.from_pretrained(base.source, **options)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise Refused(f"The weights of {base.source} cannot be loaded: {reason}") from error
    model.requires_grad_(False)
    if quantize:
        _require_quantized(model)
    return model


class _OfPlainLinears(FalconForCausalLM):
    """A Falcon whose linear layers are torch's own class, with the same weights.

    transformers 5.19 quantizes layers whose class is exactly `nn.Linear`
    (integrations/bitsandbytes.py, `replace_with_bnb_linear`), and Falcon's are a subclass of it:
    it would quantize nothing, and only log so. Can go when it takes subclasses.
    """

    def __init__(self, config: FalconConfig) -> None:
        super().__init__(config)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                module.__class__ = nn.Linear


def _require_quantized(model: FalconForCausalLM) -> None:
    kept = [
        name
        for name, module in model.transformer.named_modules()
        if isinstance(module, nn.Linear) and module.weight.dtype != torch.uint8
    ]
    if kept:
        raise RuntimeError(f"{len(kept)} layers were not quantized, {kept[0]} among them")


def _config_file(location: str, revision: str | None) -> Path:
    """Return the path of config.json, fetched from the hub if need be. Raises `Refused`."""
    if Path(location).is_dir():
        return Path(location) / "config.json"
    if location.startswith(("/", ".", "~")):
        raise Refused(f"There is no base model in {location}.")
    try:
        file = cached_file(location, "config.json", revision=revision)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise Refused(f"The base model {location} cannot be had: {reason}.") from error
    return Path(str(file))
