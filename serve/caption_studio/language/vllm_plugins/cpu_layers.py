"""Falcon's forward pass on a CPU, without what only GPUs need and without rows that nobody reads.

A step of few tokens is mostly Python: vLLM's Falcon passes eleven modules a layer, with hooks,
checks and operators made for `torch.compile` (vllm/model_executor/models/falcon.py, 0.32.0). Here
a layer is one function over the same weights and kernels. And the last layer's output is computed
only for the tokens from which something is sampled: the last token of each request.

Not here: the weights, the adapters (language.vllm_plugins.cpu_lora) and the kernels, which are
vLLM's.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import layer_norm
from vllm.config import CompilationMode, VllmConfig
from vllm.forward_context import get_forward_context
from vllm.lora.layers import BaseLayerWithLoRA
from vllm.model_executor.models.falcon import FalconForCausalLM
from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackendImpl

from caption_studio.language.vllm_plugins.cpu_lora import GroupedPunicaWrapper

Product = Callable[[Tensor], Tensor]


def run_directly(runner: Any) -> None:
    """Give the model of vLLM's CPU runner our forward pass, if it is a Falcon that this one runs.

    Call it once the weights are loaded and the adapters' layers are in their places.
    """
    if _is_known(runner.model, runner.vllm_config):
        runner.model.forward = DirectFalcon(runner)


def _is_known(model: Any, vllm_config: VllmConfig) -> bool:
    """Return whether it is a Falcon like the 7B, with plain weights, in one process."""
    if not isinstance(model, FalconForCausalLM):
        return False
    config, layers = model.config, model.transformer.h
    return (
        config.parallel_attn
        and not config.new_decoder_architecture
        and getattr(config, "num_ln_in_parallel_attn", None) != 2
        and not config.bias
        and not config.alibi
        and model.quant_config is None
        and vllm_config.model_config.runner_type == "generate"
        and vllm_config.compilation_config.mode == CompilationMode.NONE
        and vllm_config.parallel_config.world_size == 1
        and vllm_config.speculative_config is None
        and vllm_config.kv_transfer_config is None
        and all(isinstance(_implementation(layer), CPUAttentionBackendImpl) for layer in layers)
    )


def _implementation(layer: Any) -> Any:
    return layer.self_attention.attn.impl


class DirectFalcon:
    """The forward pass of vLLM's `FalconForCausalLM`: token ids → the head's input."""

    def __init__(self, runner: Any) -> None:
        falcon = runner.model.transformer
        self._runner = runner
        self._embed = falcon.word_embeddings
        self._first = [DirectLayer(layer) for layer in falcon.h]
        self._last = self._first.pop()
        self._norm = falcon.ln_f

    def __call__(
        self,
        input_ids: Tensor | None,
        positions: Tensor,
        intermediate_tensors: None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Tensor:
        """Return [tokens, hidden]; zeros for tokens from which nothing is sampled."""
        hidden: Tensor = self._embed(input_ids) if inputs_embeds is None else inputs_embeds
        context = get_forward_context()
        for layer in self._first:
            hidden = layer(positions, hidden, context)
        rows = self._sampled(context, len(hidden))
        output: Tensor = self._norm(self._last(positions, hidden, context, rows))
        if rows is None:
            return output
        return torch.zeros_like(hidden).index_copy_(0, rows, output)

    def _sampled(self, context: Any, tokens: int) -> Tensor | None:
        """Return the rows of each request's last token (int64 [requests]); None for all rows."""
        if context.attn_metadata is None or self._runner.num_prompt_logprobs:
            return None
        if self._last.adapts_outputs:
            return None
        starts: Tensor = context.attn_metadata[self._last.name].query_start_loc
        return None if len(starts) > tokens else starts[1:].long() - 1


class DirectLayer:
    """One decoder layer with parallel attention: `x + dense(attention(norm x)) + mlp(norm x)`."""

    def __init__(self, layer: Any) -> None:
        attention, mlp, norm = layer.self_attention, layer.mlp, layer.input_layernorm
        self.name: str = attention.attn.layer_name
        self._norm = (norm.normalized_shape, norm.weight, norm.bias, norm.eps)
        self._project = _product(attention.query_key_value)
        self._dense = _product(attention.dense)
        self._widen = _product(mlp.dense_h_to_4h)
        self._narrow = _product(mlp.dense_4h_to_h)
        after = (attention.dense, mlp.dense_h_to_4h, mlp.dense_4h_to_h)
        self._adaptable_after = [linear for linear in after if _takes_adapters(linear)]
        self._rotate = attention.rotary_emb.forward
        self._attention = attention.attn
        self._implementation = _implementation(layer)
        self._sizes = (attention.q_size, attention.kv_size, attention.kv_size)
        self._by_query = (-1, attention.num_heads, attention.head_dim)
        self._by_key = (-1, attention.num_kv_heads, attention.head_dim)

    @property
    def adapts_outputs(self) -> bool:
        """Whether adapters apply behind the attention, too: they need the rows of all tokens."""
        return any(map(_has_adapters, self._adaptable_after))

    def __call__(
        self, positions: Tensor, hidden: Tensor, context: Any, rows: Tensor | None = None
    ) -> Tensor:
        """Return the layer's output for all rows of `hidden` [tokens, hidden], or for `rows`."""
        normed = layer_norm(hidden, *self._norm)
        attended = self._attend(positions, normed, context)
        if rows is not None:
            hidden, normed, attended = hidden[rows], normed[rows], attended[rows]
        output = self._narrow(torch.ops.aten.gelu_(self._widen(normed)))
        output += self._dense(attended)
        output += hidden
        return output

    def _attend(self, positions: Tensor, normed: Tensor, context: Any) -> Tensor:
        """Write the tokens' keys and values into the cache; return [tokens, hidden]."""
        query, key, value = self._project(normed).split_with_sizes(self._sizes, dim=-1)
        query, key = self._rotate(positions, query, key)
        attended = torch.empty_like(normed)
        if context.attn_metadata is None:  # vLLM's trial run, which has no cache
            return attended.zero_()
        parts = (query.view(self._by_query), key.view(self._by_key), value.view(self._by_key))
        attention, cache = self._attention, self._attention.kv_cache
        slots, metadata = context.slot_mapping[self.name], context.attn_metadata[self.name]
        self._implementation.do_kv_cache_update(attention, *parts[1:], cache, slots)
        self._implementation.forward(
            attention, *parts, cache, metadata, output=attended.view(self._by_query)
        )
        return attended


def _product(linear: Any) -> Product:
    """Return the layer's product: with its weights, and with its adapters where it takes any."""
    if _takes_adapters(linear):
        return lambda x: linear.apply(x, None)
    return lambda x: linear.cpu_linear(x, linear.weight, None)


def _takes_adapters(linear: Any) -> bool:
    return isinstance(linear, BaseLayerWithLoRA)


def _has_adapters(linear: Any) -> bool:
    """Return whether an adapter that vLLM has loaded has weights for this layer."""
    wrapper: GroupedPunicaWrapper = linear.punica_wrapper
    return wrapper.has_weights(linear.lora_a_stacked, linear.lora_b_stacked)
