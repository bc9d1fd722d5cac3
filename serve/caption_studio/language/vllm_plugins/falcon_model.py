"""Falcon's model class with LoRA declared; imported by vLLM when it builds the model."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from vllm.config import VllmConfig
from vllm.lora.layers import QKVParallelLinearWithLoRA
from vllm.lora.model_manager import LoRAModelManager
from vllm.lora.utils import replace_submodule
from vllm.model_executor.models.falcon import FalconForCausalLM
from vllm.model_executor.models.interfaces import SupportsLoRA

from caption_studio.language.falcon_config import projection_rows, require_alibi_backend

_HEAD = "lm_head.weight"
_EMBEDDINGS = "transformer.word_embeddings.weight"


class FalconForCausalLMWithLoRA(FalconForCausalLM, SupportsLoRA):  # type: ignore[misc]
    """vLLM's Falcon, to which adapters may be applied in all its head layouts.

    ALiBi's bias is exact here, as in vLLM. transformers rounds it to bfloat16; the answers
    differ with more than 8 heads or 256 tokens.

    Raises:
        ValueError: vLLM would run this model wrongly; the message says why.
    """

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(vllm_config=vllm_config, prefix=prefix, **kwargs)
        self._lora_manager: LoRAModelManager | None = None
        # vLLM unties the head of a safetensors checkpoint that stores one, and ties it again
        # if it equals the embeddings. It leaves a .bin checkpoint tied.
        self._config_ties_head = (
            self.tie_word_embeddings
            or vllm_config.model_config.word_embeddings_untied_by_checkpoint
        )
        if self.config.alibi:
            first = self.transformer.h[self.transformer.start_layer]
            require_alibi_backend(first.self_attention.attn.attn_backend.get_name())

    @property
    def lora_manager(self) -> LoRAModelManager | None:
        """The manager that vLLM gives a model once its layers take adapters."""
        return self._lora_manager

    @lora_manager.setter
    def lora_manager(self, manager: LoRAModelManager) -> None:
        self._lora_manager = manager
        for name, layer in list(manager.modules.items()):
            if isinstance(layer, QKVParallelLinearWithLoRA) and _is_interleaved(layer):
                _reorder(self, manager, name, layer)

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]]) -> set[str]:
        """Load the checkpoint; see vLLM's Falcon for the row order of the projection."""
        if self._config_ties_head:
            weights = _with_embeddings(weights, tied=self.tie_word_embeddings)
        loaded: set[str] = super().load_weights(weights)
        return loaded


class InterleavedQKVWithLoRA(QKVParallelLinearWithLoRA):  # type: ignore[misc]
    """The fused projection whose stored rows go by key-value head (40B, 11B, falcon-rw).

    vLLM reorders the weights while it loads them, but not an adapter's B matrix.
    """

    def set_lora(self, index: int, lora_a: torch.Tensor, lora_b: torch.Tensor) -> None:
        """Put an adapter (A: [rank, in], B: [out, rank]) into slot `index`, B reordered."""
        base = self.base_layer
        rows = projection_rows(base.total_num_heads, base.total_num_kv_heads, base.head_size)
        if len(rows) != lora_b.shape[0]:
            raise ValueError(
                f"The adapter's query_key_value has {lora_b.shape[0]} rows, "
                f"this Falcon's has {len(rows)}: it was trained on another model."
            )
        super().set_lora(index, lora_a, lora_b[torch.tensor(rows, device=lora_b.device)])


def _is_interleaved(layer: QKVParallelLinearWithLoRA) -> bool:
    return bool(layer.base_layer.total_num_kv_heads > 1)


def _reorder(
    model: FalconForCausalLMWithLoRA,
    manager: LoRAModelManager,
    name: str,
    layer: QKVParallelLinearWithLoRA,
) -> None:
    """Put the reordering layer in the place of vLLM's."""
    if type(layer) is not QKVParallelLinearWithLoRA:
        raise ValueError(
            "This Falcon's fused projection is stored by key-value head, and adapters for it "
            "cannot be fully sharded: start without fully_sharded_loras."
        )
    ours = InterleavedQKVWithLoRA(layer.base_layer)
    ours.create_lora_weights(manager.lora_slots, manager.lora_config, model.config)
    ours.set_mapping(layer.punica_wrapper)
    replace_submodule(model, name, ours)
    manager.register_module(name, ours)


def _with_embeddings(
    weights: Iterable[tuple[str, torch.Tensor]], *, tied: bool
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the weights, with the matrix that head and embeddings share under the latter's name.

    A file may hold it under either name or under both. `tied` says that the model has one
    matrix for the two; vLLM would then drop a head that differs.

    Raises:
        ValueError: the two differ, and the model has one matrix.
    """
    found: dict[str, torch.Tensor] = {}
    for name, weight in weights:
        if name in (_HEAD, _EMBEDDINGS):
            found[name] = weight
        if name != _HEAD or not tied:
            yield name, weight
    if tied and len(found) == 2 and not torch.equal(found[_HEAD], found[_EMBEDDINGS]):
        raise ValueError(
            "This Falcon checkpoint cannot be served: it holds a head of its own, and its "
            "config ties the head to the embeddings; set tie_word_embeddings to false there."
        )
    if _HEAD in found and _EMBEDDINGS not in found:
        yield _EMBEDDINGS, found[_HEAD]
