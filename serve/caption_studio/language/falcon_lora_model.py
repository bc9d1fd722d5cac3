"""Falcon's model class with LoRA declared; imported by vLLM when it builds the model."""

from typing import Any

from vllm.config import VllmConfig
from vllm.model_executor.models.falcon import FalconForCausalLM
from vllm.model_executor.models.interfaces import SupportsLoRA


class FalconForCausalLMWithLoRA(FalconForCausalLM, SupportsLoRA):  # type: ignore[misc]
    """vLLM's Falcon, unchanged but for the declaration that adapters may be applied.

    The fused `query_key_value` of the multi-query layout (7B) has its rows in the order
    q, k, v, which is vLLM's own: the adapter's B matrix fits as it is.

    Raises:
        ValueError: for `new_decoder_architecture` (40B, 11B) with LoRA enabled. There the
            fused rows interleave by key-value head, vLLM reorders the weights while loading
            but not an adapter's, and the answers would be silently wrong.
    """

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "", **kwargs: Any) -> None:
        config = vllm_config.model_config.hf_config
        if vllm_config.lora_config is not None and config.new_decoder_architecture:
            raise ValueError(
                "Falcon with new_decoder_architecture (40B, 11B) cannot take LoRA adapters: "
                "its fused projection is stored in another row order than vLLM runs it in"
            )
        super().__init__(vllm_config=vllm_config, prefix=prefix, **kwargs)
