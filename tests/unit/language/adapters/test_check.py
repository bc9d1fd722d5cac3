"""Each kind of wrong adapter is refused by name; the right ones pass."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from caption_studio.errors import InvalidAdapter
from caption_studio.language.adapters.check import BaseModel, check, target_modules
from tests.adapters import BASE, DEMO, HIDDEN, RANK, TARGETS, Tensors, config, tensors, write

LAST = "base_model.model.transformer.h.1.mlp.dense_4h_to_h.lora_B.weight"
SLOW = "(.*)" * 9 + r"\3\4\5\6\7\8\9x?(?<![a-z])"
"""A regular expression that tries every way to cut a name into nine."""

QKV = "base_model.model.transformer.h.0.self_attention.query_key_value.lora_"


def checked(folder: Path, *, max_rank: int = 16, any_base: bool = False) -> None:
    check(folder, BASE, max_rank=max_rank, any_base=any_base)


@pytest.mark.parametrize("target", TARGETS)
def test_each_of_the_four_modules_may_have_an_adapter(tmp_path: Path, target: str) -> None:
    checked(write(tmp_path, config(target_modules=[target]), tensors((target,))))


def test_the_modules_that_an_adapter_has_weights_for_are_told(tmp_path: Path) -> None:
    two = ("query_key_value", "dense_4h_to_h")
    folder = write(tmp_path, config(target_modules=[*two, "v_proj"]), tensors(two))
    assert target_modules(folder) == set(two)
    assert target_modules(DEMO) == {"query_key_value"}


def test_all_four_together_may(tmp_path: Path) -> None:
    checked(write(tmp_path))


@pytest.mark.parametrize(
    "changes",
    [
        {"target_modules": "all-linear"},
        {"target_modules": r".*\.(query_key_value|dense.*)"},
        {"task_type": None},
        {"use_rslora": True},
        {"init_lora_weights": "gaussian"},
        {"alpha_pattern": {"dense": 4}},
        {"alpha_pattern": {r"h\.1\..*": 4}, "rank_pattern": {r"mlp\.dense_\d": 2}},
        {"lora_alpha": -8},
        {"target_modules": [*TARGETS, "v_proj"]},  # as PEFT: what matches nothing does nothing
        {"target_modules": "ALL-linear"},
        {"loftq_config": {"bits": 4}, "auto_mapping": {"parent_library": "x"}},
        {"base_model_name_or_path": "/content/Falcon-Tiny"},
        {"enable_lora": None, "merge_weights": False, "revision": None},  # PEFT of 2023
    ],
)
def test_what_changes_nothing_wrongly_passes(tmp_path: Path, changes: dict[str, Any]) -> None:
    checked(write(tmp_path, config(**changes)))


def test_an_adapter_of_some_layers_says_which(tmp_path: Path) -> None:
    weights = {name: tensor for name, tensor in tensors().items() if ".h.1." in name}
    checked(write(tmp_path / "one", config(layers_to_transform=[1]), weights))
    checked(write(tmp_path / "two", config(layers_to_transform=1), weights))
    with pytest.raises(InvalidAdapter, match=r"h\.0.* no tensors"):
        checked(write(tmp_path / "three", config(), weights))


@pytest.mark.parametrize(
    "changes",
    [
        {"target_modules": r".*\.h\.1\..*(query_key_value|dense|dense_h_to_4h|dense_4h_to_h)"},
        {"exclude_modules": r".*\.h\.0\..*"},
        {"layers_to_transform": [1, 99]},
        {"layers_to_transform": [1], "layers_pattern": "h"},
        {"layers_to_transform": 1, "layers_pattern": ["layers", "h"]},
    ],
)
def test_layers_are_selected_as_peft_selects_them(tmp_path: Path, changes: dict[str, Any]) -> None:
    of_layer_1 = {name: tensor for name, tensor in tensors().items() if ".h.1." in name}
    checked(write(tmp_path / "one", config(**changes), of_layer_1))
    with pytest.raises(InvalidAdapter, match="does not name"):
        checked(write(tmp_path / "all", config(**changes)))


def test_a_module_with_its_own_rank_says_so(tmp_path: Path) -> None:
    weights = tensors()
    for name, tensor in tensors(("dense",), rank=2).items():
        weights[name] = tensor
    checked(write(tmp_path / "said", config(rank_pattern={"self_attention.dense": 2}), weights))
    with pytest.raises(InvalidAdapter, match="must be"):
        checked(write(tmp_path / "unsaid", config(), weights))


WRONG_CONFIGURATIONS: list[tuple[dict[str, Any], str]] = [
    ({"peft_type": "IA3"}, "no LoRA"),
    ({"task_type": "SEQ_CLS"}, "text generation"),
    ({"bias": "lora_only"}, "biases"),
    ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
    ({"use_dora": True}, "use_dora"),
    ({"lora_bias": True}, "lora_bias"),
    ({"layer_replication": [[0, 1]]}, "layer_replication"),
    ({"trainable_token_indices": [1]}, "trainable_token_indices"),
    ({"target_parameters": ["x"]}, "target_parameters"),
    ({"some_invention_of_next_year": True}, "some_invention_of_next_year"),
    ({"init_lora_weights": "pissa"}, "base model"),
    ({"r": 17}, "over the 16"),
    ({"r": 0}, "no rank"),
    ({"r": True}, "no rank"),
    ({"r": "4"}, "no rank"),
    ({"rank_pattern": {"dense": 99}}, "over the 16"),
    ({"rank_pattern": {"(": 2}}, "rank_pattern holds what is no regular expression"),
    ({"rank_pattern": {SLOW: 2}}, "rank_pattern .* takes too long"),
    ({"alpha_pattern": {SLOW: 2}}, "alpha_pattern .* takes too long"),
    ({"target_modules": SLOW}, "target_modules .* takes too long"),
    ({"target_modules": "("}, "target_modules holds what is no regular expression"),
    ({"exclude_modules": "["}, "exclude_modules holds what is no regular expression"),
    ({"layers_to_transform": [0], "layers_pattern": "("}, "layers_pattern holds"),
    ({"target_modules": ["a" * 1001]}, "longer than it may be"),
    ({"rank_pattern": ["dense"]}, "no table"),
    ({"lora_alpha": float("nan")}, "no number of a usual size"),
    ({"lora_alpha": 10**400}, "no number of a usual size"),
    ({"lora_alpha": 0}, "zero"),
    ({"lora_alpha": None}, "no number of a usual size"),
    ({"target_modules": ["v_proj", "lm_head"]}, "no module"),
    ({"target_modules": []}, "no module"),
    ({"target_modules": None}, "does not name"),
    ({"target_modules": [3]}, "no list of names"),
    ({"target_modules": ["query_key_value"]}, "does not name"),
    ({"exclude_modules": ["dense"]}, "does not name"),
    ({"layers_to_transform": ["1"]}, "no list of layers"),
    ({"base_model_name_or_path": "tiiuae/falcon-180B"}, "falcon-180B"),
    ({"base_model_name_or_path": None}, "any_base"),
    ({"base_model_name_or_path": 5}, "no text"),
]


@pytest.mark.parametrize(("changes", "reason"), WRONG_CONFIGURATIONS)
def test_a_wrong_configuration_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    folder = write(tmp_path, config(**changes))
    with pytest.raises(InvalidAdapter, match=reason) as refused:
        checked(folder)
    assert refused.value.param == "source"
    assert str(tmp_path) not in refused.value.message


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b" " * (1 << 20) + b"{}"]
)
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, text: bytes) -> None:
    (write(tmp_path) / "adapter_config.json").write_bytes(text)
    with pytest.raises(InvalidAdapter, match=r"adapter_config\.json"):
        checked(tmp_path)


def test_another_base_model_of_the_same_shape_is_taken_on_demand(tmp_path: Path) -> None:
    folder = write(tmp_path, config(base_model_name_or_path="another"))
    checked(folder, any_base=True)
    with pytest.raises(InvalidAdapter):
        checked(folder)


def replaced(name: str, tensor: torch.Tensor) -> Callable[[Tensors], None]:
    def change(weights: Tensors) -> None:
        weights[name] = tensor

    return change


def scaled(factor: float) -> Callable[[Tensors], None]:
    def change(weights: Tensors) -> None:
        for name in weights:
            if ".lora_B." in name:
                weights[name] = weights[name] * factor

    return change


def without(part: str) -> Callable[[Tensors], None]:
    def change(weights: Tensors) -> None:
        for name in [name for name in weights if part in name]:
            del weights[name]

    return change


WRONG_WEIGHTS: list[tuple[str, Callable[[Tensors], None], str]] = [
    ("a smaller hidden size", replaced(f"{QKV}A.weight", torch.ones(RANK, HIDDEN // 2)), "must be"),
    ("fewer fused rows", replaced(f"{QKV}B.weight", torch.ones(HIDDEN, RANK)), "must be"),
    ("another rank than it says", replaced(f"{QKV}A.weight", torch.ones(2, HIDDEN)), "must be"),
    ("transposed", replaced(f"{QKV}A.weight", torch.ones(HIDDEN, RANK)), "must be"),
    ("no matrix", replaced(f"{QKV}A.weight", torch.ones(RANK)), "must be"),
    ("half of a pair", without(f"{QKV}B"), "not there"),
    ("a layer missing", without(".h.1."), "no tensors"),
    ("a module missing", without(".dense_h_to_4h."), "no tensors"),
    ("nothing at all", without(""), "no tensors"),
    ("a layer too many", replaced(LAST.replace(".h.1.", ".h.2."), torch.ones(1, 1)), "no module"),
    ("an unknown module", replaced(LAST.replace("dense_4h", "up"), torch.ones(1, 1)), "no module"),
    ("an output head", replaced("base_model.model.lm_head.weight", torch.ones(1, 1)), "no place"),
    ("another model family", replaced("model.layers.0.x.lora_A.weight", torch.ones(1)), "no place"),
    ("NaN", replaced(LAST, torch.full((HIDDEN, RANK), torch.nan)), "NaN"),
    ("infinity", replaced(LAST, torch.full((HIDDEN, RANK), torch.inf)), "NaN or infinity"),
    (
        "an adapted output head",
        replaced("base_model.model.lm_head.lora_A.weight", torch.ones(1)),
        "no place",
    ),
    ("integers", replaced(LAST, torch.ones(HIDDEN, RANK, dtype=torch.int32)), "float32"),
    ("never trained", scaled(0), "never trained"),
]


@pytest.mark.parametrize(
    ("change", "reason"),
    [(c, r) for _, c, r in WRONG_WEIGHTS],
    ids=[n for n, _, _ in WRONG_WEIGHTS],
)
def test_wrong_weights_are_refused_with_the_reason(
    tmp_path: Path, change: Callable[[Tensors], None], reason: str
) -> None:
    weights = tensors()
    change(weights)
    with pytest.raises(InvalidAdapter, match=reason):
        checked(write(tmp_path, None, weights))


@pytest.mark.parametrize("cut", [0, 7, 200, -1])
def test_damaged_weights_are_refused(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path) / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InvalidAdapter, match="damaged"):
        checked(tmp_path)


def test_half_precision_is_taken(tmp_path: Path) -> None:
    checked(write(tmp_path, None, {n: t.to(torch.bfloat16) for n, t in tensors().items()}))


def test_the_shipped_adapter_fits_the_shipped_model_and_no_other() -> None:
    from transformers import AutoConfig

    falcon = AutoConfig.from_pretrained(DEMO.parent / "falcon-demo")
    check(DEMO, BaseModel.of(falcon, ("falcon-demo",)), max_rank=16, any_base=False)
    with pytest.raises(InvalidAdapter, match=r"no module|must be"):
        check(DEMO, BASE, max_rank=16, any_base=True)


@pytest.mark.parametrize(
    ("layout", "rows"),
    [
        ({"multi_query": True, "new_decoder_architecture": False}, 4672),
        ({"multi_query": False, "new_decoder_architecture": False}, 3 * 4544),
        ({"multi_query": True, "new_decoder_architecture": True}, 4544 + 2 * 8 * 64),
    ],
)
def test_the_fused_rows_follow_the_layout_of_heads(layout: dict[str, bool], rows: int) -> None:
    from transformers import FalconConfig

    falcon = FalconConfig(
        hidden_size=4544, num_hidden_layers=1, num_attention_heads=71, num_kv_heads=8, **layout
    )
    modules = BaseModel.of(falcon, ()).modules
    assert modules["transformer.h.0.self_attention.query_key_value"] == (4544, rows)
    assert modules["transformer.h.0.mlp.dense_4h_to_h"] == (18176, 4544)
