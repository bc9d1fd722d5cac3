"""What PEFT's LoraConfig can say, served token for token as PEFT answers, or refused by name.

Each case is an adapter that PEFT itself made and saved. All that are taken run in one engine and
in one batch, in which neighbours have different adapters.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, VeloraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import FalconForCausalLM

from caption_studio.errors import InvalidAdapter
from caption_studio.language.adapters.check import BaseModel, check
from caption_studio.language.adapters.store import AdapterStore, StoredAdapter
from caption_studio.records import Adapter
from caption_studio.settings import LanguageSettings
from tests.engine.checkpoints import (
    MULTI_HEAD,
    TARGETS,
    VOCABULARY,
    random_falcon,
    save_changed,
    write_modern,
)
from tests.engine.conftest import Engines, Job
from tests.engine.reference import answers, differences

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning"),  # PEFT's
]
MAX_TOKENS = 6
PROMPTS_EACH = 3
ALL = list(TARGETS)
SAFETENSORS, BIN = "adapter_model.safetensors", "adapter_model.bin"

Change = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """An adapter: options of LoraConfig, and what is done to the saved folder.

    `refused` is a word of the reason; None: it is served.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    change: Change | None = None
    refused: str | None = None


def saved_as(dtype: torch.dtype) -> Change:
    def change(folder: Path) -> None:
        weights = load_file(folder / SAFETENSORS)
        save_file({name: w.to(dtype) for name, w in weights.items()}, folder / SAFETENSORS)

    return change


def as_bin(*, zipped: bool = True) -> Change:
    def change(folder: Path) -> None:
        weights = load_file(folder / SAFETENSORS)
        (folder / SAFETENSORS).unlink()
        torch.save(weights, folder / BIN, _use_new_zipfile_serialization=zipped)

    return change


def configured(**values: Any) -> Change:
    def change(folder: Path) -> None:
        path = folder / "adapter_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


def of_2023(folder: Path) -> None:
    """The configuration as PEFT 0.4 wrote it, the weights as .bin."""
    path = folder / "adapter_config.json"
    now = json.loads(path.read_text())
    kept = "base_model_name_or_path bias lora_alpha r target_modules task_type peft_type"
    old = {name: now[name] for name in kept.split()}
    path.write_text(
        json.dumps(
            {
                **old,
                "auto_mapping": None,
                "fan_in_fan_out": False,
                "inference_mode": True,
                "init_lora_weights": True,
                "layers_pattern": None,
                "layers_to_transform": None,
                "lora_dropout": 0.05,
                "modules_to_save": None,
                "revision": None,
            }
        )
    )
    as_bin()(folder)


CASES = [
    # which modules
    *(Case(f"only {target}", {"target_modules": [target]}) for target in TARGETS),
    Case("all four", {"target_modules": ALL}),
    Case("all-linear", {"target_modules": "all-linear"}),
    Case("PEFT's default", {"target_modules": None}),
    Case("whole names", {"target_modules": ["transformer.h.0.mlp.dense_h_to_4h"]}),
    Case("ends of names", {"target_modules": ["self_attention.dense", "h.1.mlp.dense_4h_to_h"]}),
    Case("a name of nothing beside", {"target_modules": ["query_key_value", "v_proj"]}),
    Case("a regular expression", {"target_modules": r".*\.(query_key_value|dense)"}),
    Case("one of some layers", {"target_modules": r".*\.h\.1\..*(dense_h_to_4h|query.*)"}),
    Case("different ones by layer", {"target_modules": r".*\.(0\..*\.dense|1\.mlp\.dense.*)"}),
    Case("null written by hand", {"target_modules": None}, configured(target_modules=None)),
    # which not
    Case("a name excluded", {"target_modules": ALL, "exclude_modules": ["dense"]}),
    Case("a layer excluded", {"target_modules": ALL, "exclude_modules": r".*\.h\.0\..*"}),
    Case("all-linear but one", {"target_modules": "all-linear", "exclude_modules": ["dense"]}),
    # which layers
    Case("one layer", {"target_modules": ALL, "layers_to_transform": 1}),
    Case("listed layers", {"target_modules": ["dense"], "layers_to_transform": [0]}),
    Case("layers by pattern", {"layers_to_transform": [1], "layers_pattern": "h"}),
    Case("layers by patterns", {"layers_to_transform": 0, "layers_pattern": ["layers", "h"]}),
    Case("a layer that is not there", {"layers_to_transform": [0, 7]}),
    # ranks and alphas
    *(Case(f"rank {rank}", {"r": rank}) for rank in (1, 3, 16)),
    Case("no multiple of the rank", {"r": 5, "lora_alpha": 7}),
    Case("a fractional alpha", {"lora_alpha": 12.5}),
    Case("a negative alpha", {"lora_alpha": -16}),
    Case("stabilized by rank", {"r": 16, "use_rslora": True}),
    Case(
        "ranks by name",
        {"target_modules": ALL, "rank_pattern": {"dense": 2, "mlp.dense_h_to_4h": 3}},
    ),
    Case("ranks by pattern", {"target_modules": ALL, "rank_pattern": {r"h\.1\..*": 4}}),
    Case("a whole name's rank", {"rank_pattern": {"^transformer.h.0.self_attention.*": 2}}),
    Case("alphas by name", {"target_modules": ALL, "alpha_pattern": {"query_key_value": 40}}),
    Case("alphas by pattern", {"target_modules": ALL, "alpha_pattern": {r".*\.0\.mlp\..*": 1}}),
    Case(
        "ranks and alphas, stabilized",
        {
            "target_modules": ALL,
            "use_rslora": True,
            "rank_pattern": {r"mlp\.dense.*": 3},
            "alpha_pattern": {"dense": 2, r"h\.0\..*": 24},
        },
    ),
    # of training only
    *(
        Case(f"begun as {init}", {"init_lora_weights": init})
        for init in (False, "gaussian", "orthogonal")
    ),
    Case("dropout", {"lora_dropout": 0.3}),
    Case("no task", {"task_type": None}),
    # formats
    *(
        Case(f"saved as {dtype}".replace("torch.", ""), {}, saved_as(dtype))
        for dtype in (torch.float16, torch.bfloat16, torch.float64)
    ),
    Case(".bin", {}, as_bin()),
    Case(".bin of before torch 1.6", {}, as_bin(zipped=False)),
    Case("of 2023", {"r": 16, "lora_alpha": 32}, of_2023),
    # refused, and why
    Case("DoRA", {"use_dora": True}, refused="use_dora"),
    Case("VeLoRA", {"velora_config": VeloraConfig(num_groups=8)}, refused="velora_config"),
    Case("biases", {"bias": "lora_only"}, refused="biases"),
    Case("a bias of its own", {"lora_bias": True, "bias": "none"}, refused="lora_bias"),
    Case("a whole module", {"modules_to_save": ["lm_head"]}, refused="modules_to_save"),
    Case("the head", {"target_modules": ["lm_head", "dense"]}, refused="lm_head"),
    Case("embeddings", {"target_modules": ["word_embeddings"]}, refused="word_embeddings"),
    Case("single tokens", {"trainable_token_indices": [3]}, refused="trainable_token_indices"),
    Case("aLoRA", {"alora_invocation_tokens": [1, 2]}, refused="alora_invocation_tokens"),
    Case("copied layers", {}, configured(layer_replication=[[0, 2]]), refused="layer_replication"),
    Case("a high rank", {"r": 17}, refused="over the 16"),
    Case("PiSSA", {"init_lora_weights": "pissa"}, refused="init_lora_weights"),
    Case("OLoRA", {"init_lora_weights": "olora"}, refused="init_lora_weights"),
]


def make(base: Path, case: Case, folder: Path, *, seed: int) -> Path:
    """Save the case's adapter by PEFT, with weights that change the answers."""
    torch.manual_seed(seed)
    model = FalconForCausalLM.from_pretrained(base, dtype=torch.float32)
    defaults = {"r": 8, "lora_alpha": 16, "task_type": "CAUSAL_LM"}
    if "layers_to_transform" in case.options:
        defaults["target_modules"] = ALL
    adapted = get_peft_model(model, LoraConfig(**{**defaults, **case.options}))
    save_changed(adapted, folder)
    if case.change is not None:
        case.change(folder)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_modern(random_falcon(MULTI_HEAD), tmp_path_factory.mktemp("base") / "falcon")


@pytest.fixture(scope="module")
def made(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("adapters")
    return {
        case.name: make(base, case, folder / str(number), seed=number)
        for number, case in enumerate(CASES)
    }


def taken(base: Path, folder: Path, cache: Path) -> StoredAdapter:
    """Store and check the adapter as the service does. Raises `InvalidAdapter`."""
    settings = LanguageSettings(adapter_cache_dir=cache)
    stored = AdapterStore(settings).get(Adapter("a", str(folder), configured=True))
    fits = BaseModel.of(MULTI_HEAD.config(), (str(base),))
    check(stored.folder, fits, max_rank=16, any_base=False)
    return stored


@pytest.mark.parametrize("case", [c for c in CASES if c.refused], ids=lambda case: case.name)
def test_what_cannot_be_served_is_refused_by_name(
    case: Case, base: Path, made: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(InvalidAdapter, match=case.refused):
        taken(base, made[case.name], tmp_path)


def test_what_peft_serves_is_served_token_for_token(
    base: Path,
    made: dict[str, Path],
    engines: Engines,
    tmp_path: Path,
) -> None:
    served = [case.name for case in CASES if not case.refused]
    assert len(served) >= 40
    stored = [str(taken(base, made[name], tmp_path / name).folder) for name in served]
    adapter_of = [*range(len(served))] * PROMPTS_EACH
    torch.manual_seed(1)
    prompts = torch.randint(1, VOCABULARY, (len(adapter_of), 7)).tolist()
    model = FalconForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    reference = answers(model, [made[name] for name in served], prompts, adapter_of, MAX_TOKENS)
    bare = answers(model, [], prompts, [None] * len(prompts), MAX_TOKENS)
    tokens = engines.run(
        Job(
            str(base),
            prompts,
            adapter_of,
            MAX_TOKENS,
            stored,
            {"max_num_seqs": 192, "max_num_batched_tokens": 4096},
        )
    )
    wrong = {served[adapter_of[prompt]] for prompt, _, _ in differences(reference, tokens)}
    assert wrong == set()
    changed = {adapter_of[i] for i, answer in enumerate(bare) if answer.tokens != tokens[i]}
    assert [served[i] for i in range(len(served)) if i not in changed] == []
