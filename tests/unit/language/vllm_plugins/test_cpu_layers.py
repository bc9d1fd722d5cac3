"""The direct forward pass, over small layers with an attention that only adds up what was said.

That real models give the tokens of transformers is tested in tests/engine.
"""

import operator
import warnings
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM's imports warn
    from caption_studio.language.vllm_plugins import cpu_half, cpu_layers
    from caption_studio.language.vllm_plugins.cpu_layers import DirectFalcon

HEADS, HEAD_SIZE, HIDDEN, LAYERS = 2, 4, 8, 3
STARTS = torch.tensor([0, 3, 4, 9], dtype=torch.int32)
"""Where the requests of a step begin: of 3, 1 and 5 tokens."""

LAST_TOKENS = [2, 3, 8]


class Adapted(cpu_layers.BaseLayerWithLoRA):  # type: ignore[misc]
    """A layer that takes adapters; with one, its product is twice that of the layer below."""

    def __init__(self, below: Any, *, has_one: bool) -> None:
        nn.Module.__init__(self)
        self.below, self.factor = below, 1 + has_one
        self.lora_a_stacked = self.lora_b_stacked = (torch.zeros(1),)
        self.punica_wrapper = SimpleNamespace(has_weights=lambda a, b: has_one)

    def apply(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        product: Tensor = linear(x, self.factor * self.below.weight, bias)
        return product


class Sums:
    """Attention without weights: each token gets the sum of its request's values so far."""

    def do_kv_cache_update(self, layer: Any, key: Tensor, value: Tensor, *_: Any) -> None:
        layer.kv_cache = value

    def forward(
        self,
        layer: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        cache: Tensor,
        metadata: Any,
        output: Tensor,
    ) -> None:
        for start, end in zip(STARTS[:-1].tolist(), STARTS[1:].tolist(), strict=True):
            output[start:end] = query[start:end] + layer.kv_cache[start:end].cumsum(dim=0)


def product(inputs: int, outputs: int) -> Any:
    weight = torch.randn(outputs, inputs) / inputs**0.5
    return SimpleNamespace(cpu_linear=linear, weight=weight)


def layer(number: int) -> Any:
    attention = SimpleNamespace(
        query_key_value=product(HIDDEN, HIDDEN + 2 * HEAD_SIZE),
        dense=product(HIDDEN, HIDDEN),
        rotary_emb=SimpleNamespace(forward=lambda positions, query, key: (query, key)),
        attn=SimpleNamespace(layer_name=f"{number}", impl=Sums(), kv_cache=torch.empty(0)),
        q_size=HIDDEN,
        kv_size=HEAD_SIZE,
        num_heads=HEADS,
        num_kv_heads=1,
        head_dim=HEAD_SIZE,
    )
    mlp = SimpleNamespace(
        dense_h_to_4h=product(HIDDEN, 4 * HIDDEN), dense_4h_to_h=product(4 * HIDDEN, HIDDEN)
    )
    return SimpleNamespace(self_attention=attention, mlp=mlp, input_layernorm=nn.LayerNorm(HIDDEN))


@pytest.fixture
def runner() -> Any:
    torch.manual_seed(0)
    falcon = SimpleNamespace(
        word_embeddings=nn.Embedding(20, HIDDEN),
        h=[layer(number) for number in range(LAYERS)],
        ln_f=nn.LayerNorm(HIDDEN),
    )
    return SimpleNamespace(model=SimpleNamespace(transformer=falcon), num_prompt_logprobs={})


@torch.inference_mode()
def run(runner: Any, monkeypatch: pytest.MonkeyPatch, *, trial: bool = False) -> Tensor:
    names = [str(number) for number in range(LAYERS)]
    metadata = {name: SimpleNamespace(query_start_loc=STARTS) for name in names}
    context = SimpleNamespace(
        attn_metadata=None if trial else metadata, slot_mapping=dict.fromkeys(names)
    )
    monkeypatch.setattr(cpu_layers, "get_forward_context", lambda: context)
    tokens = int(STARTS[-1])
    return DirectFalcon(runner)(torch.arange(tokens), torch.arange(tokens))


@torch.inference_mode()
def expected(runner: Any) -> Tensor:
    falcon = runner.model.transformer
    hidden: Tensor = falcon.word_embeddings(torch.arange(int(STARTS[-1])))
    for one in falcon.h:
        normed = one.input_layernorm(hidden)
        projected = linear(normed, one.self_attention.query_key_value.weight)
        query, _, value = projected.split([HIDDEN, HEAD_SIZE, HEAD_SIZE], dim=1)
        sums = [
            value[start:end].cumsum(dim=0)
            for start, end in zip(STARTS[:-1].tolist(), STARTS[1:].tolist(), strict=True)
        ]
        attended = query + torch.cat(sums).repeat(1, HEADS)
        wide = gelu(linear(normed, one.mlp.dense_h_to_4h.weight))
        hidden = (
            hidden
            + linear(attended, one.self_attention.dense.weight)
            + linear(wide, one.mlp.dense_4h_to_h.weight)
        )
    output: Tensor = falcon.ln_f(hidden)
    return output


def test_the_last_tokens_are_right_and_nothing_is_said_of_others(
    runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = run(runner, monkeypatch)
    others = [row for row in range(len(output)) if row not in LAST_TOKENS]
    torch.testing.assert_close(output[LAST_TOKENS], expected(runner)[LAST_TOKENS])
    assert not output[others].any()


def test_all_tokens_are_right_for_who_asks_for_the_prompts_log_probabilities(
    runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.num_prompt_logprobs = {"a request": 1}
    torch.testing.assert_close(run(runner, monkeypatch), expected(runner))


AFTER = ("self_attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h")
"""The products behind the attention."""


def adapt(layers: list[Any], places: Sequence[str], *, has_one: bool) -> None:
    for one in layers:
        for place in places:
            room, name = place.split(".")
            part = getattr(one, room)
            setattr(part, name, Adapted(getattr(part, name), has_one=has_one))


def double(layers: list[Any], place: str) -> None:
    for one in layers:
        operator.attrgetter(place)(one).weight *= 2


@pytest.mark.parametrize("place", AFTER)
def test_adapters_behind_the_attention_get_the_rows_of_all_tokens(
    runner: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    last = runner.model.transformer.h[-1:]
    double(last, place)
    wanted = expected(runner)
    operator.attrgetter(place)(last[0]).weight /= 2
    adapt(last, [place], has_one=True)
    torch.testing.assert_close(run(runner, monkeypatch), wanted)


def test_an_adapted_projection_is_applied(runner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    place, layers = "self_attention.query_key_value", runner.model.transformer.h
    double(layers, place)
    wanted = expected(runner)
    for one in layers:
        one.self_attention.query_key_value.weight /= 2
    adapt(layers, [place], has_one=True)
    output = run(runner, monkeypatch)
    torch.testing.assert_close(output[LAST_TOKENS], wanted[LAST_TOKENS])


def test_layers_for_which_no_adapter_has_weights_are_plain(
    runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(runner, monkeypatch)
    adapt(runner.model.transformer.h, [*AFTER, "self_attention.query_key_value"], has_one=False)
    torch.testing.assert_close(run(runner, monkeypatch), plain, rtol=0, atol=0)


def test_half_precision_is_multiplied_as_older_processors_need_it(
    runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    falcon = runner.model.transformer
    falcon.word_embeddings, falcon.ln_f = falcon.word_embeddings.bfloat16(), falcon.ln_f.bfloat16()
    for one in falcon.h:
        one.input_layernorm = one.input_layernorm.bfloat16()
        attention, mlp = one.self_attention, one.mlp
        parts = (attention.query_key_value, attention.dense, mlp.dense_h_to_4h, mlp.dense_4h_to_h)
        for part in parts:
            part.cpu_linear, part.weight = cpu_half.linear, part.weight.bfloat16()
    wanted = expected(runner)[LAST_TOKENS]
    torch.testing.assert_close(run(runner, monkeypatch)[LAST_TOKENS], wanted, rtol=0.1, atol=0.1)


def test_vllms_trial_run_needs_no_cache(runner: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(runner, monkeypatch, trial=True).isfinite().all()
