"""A base model → its weights as training wants them: frozen, and in four bits for QLoRA."""

from typing import Any

import torch
from bitsandbytes.nn import Linear4bit
from torch import nn
from transformers import BitsAndBytesConfig, FalconConfig, FalconForCausalLM

from caption_studio.training.base import Base, weights_of
from caption_studio.training.finetune.machine import Machine


def load(base: Base, machine: Machine, quantize: str | None) -> FalconForCausalLM:
    """Return the model with frozen weights, on the machine's device. Raises `Refused`."""
    dtype = getattr(torch, machine.dtype)
    options: dict[str, Any] = {"dtype": dtype, "attn_implementation": "sdpa"}
    kind: type[FalconForCausalLM] = FalconForCausalLM
    if quantize:
        kind = _OfPlainLinears
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=quantize,
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=dtype,
        )
        options["device_map"] = {"": 0 if machine.device == "cuda" else "cpu"}
    model = weights_of(base, kind, **options)
    model.requires_grad_(False)
    if quantize:
        _require_quantized(model)
        _keep_trainable(model)
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


def _keep_trainable(model: FalconForCausalLM) -> None:
    """Let the layers keep the form of four bits that gradients pass through.

    On a CPU with AVX512_BF16, bitsandbytes 0.50 (nn/modules.py, `Linear4bit.forward`) packs the
    weights anew in the first evaluation, for a product without gradients. It fails where a layer
    has a number of inputs that is no multiple of 64, and training goes on after an evaluation.
    """
    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False
