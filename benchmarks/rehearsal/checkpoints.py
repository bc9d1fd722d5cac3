"""The three repositories that deploy/gpu.yaml names, with random weights, as they were published.

Falcon in the form of 2023: `RWForCausalLM`, an `auto_map` that names code, shards in bfloat16. The
code leaves a file behind if anyone runs it. The adapter as a `.bin`. GIT as transformers writes it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import FalconConfig, FalconForCausalLM, GitConfig, GitForCausalLM

from benchmarks.describer.models import git_large_config
from benchmarks.gpu.falcon import ALPHA, RANK, TARGET, write_tokenizer
from benchmarks.gpu.scale import falcon_7b_config, tiny

DEMO = Path(__file__).parents[2] / "serve/caption_studio/demo/models"
FALCON = "vilsonrodrigues/falcon-7b-instruct-sharded"
ADAPTER = "ayush-vatsal/caption_qlora_finetune"
GIT = "microsoft/git-large-coco"

MARK = "code-was-run"
_TIED = {"lm_head.weight": "transformer.word_embeddings.weight"}
"""Tied weights, which checkpoints of 2023 store twice."""

CODE_FILES = ("configuration_RW.py", "modelling_RW.py")


@dataclass(frozen=True)
class Size:
    """The models' shapes, and the number of Falcon's files."""

    falcon: FalconConfig
    git: GitConfig
    shards: int


def full() -> Size:
    """Return the published sizes: 15 GB of files."""
    return Size(falcon_7b_config(), git_large_config(), 15)


def small() -> Size:
    """Return the same forms, small enough to be written in seconds."""
    return Size(tiny().falcon, tiny().git, 3)


def write(size: Size, root: Path) -> None:
    """Write all three to `root/OWNER/NAME`."""
    write_falcon(size, root / FALCON)
    write_adapter(size.falcon, root / ADAPTER)
    write_git(size.git, root / GIT)


def code_was_run(root: Path) -> bool:
    """Return whether code from the checkpoint was run."""
    return (root / FALCON / MARK).exists()


def write_falcon(size: Size, folder: Path) -> None:
    """Write the language model in its shards."""
    folder.mkdir(parents=True)
    with torch.device("meta"):
        shapes = {
            name: tuple(weight.shape)
            for name, weight in FalconForCausalLM(size.falcon).state_dict().items()
        }
    files = dict(_in_shards(shapes, size.shards))
    for file, names in files.items():
        shard = {name: _random(_TIED.get(name, name), shapes[name]) for name in names}
        save_file(shard, folder / file, {"format": "pt"})
    places = {name: file for file, names in files.items() for name in names}
    index = {"metadata": {}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    write_config_2023(size.falcon, {"model_type": "RefinedWebModel", "multi_query": True}, folder)
    write_tokenizer(DEMO / "falcon-demo", size.falcon.vocab_size, folder)


def write_config_2023(config: FalconConfig, fields: Mapping[str, Any], folder: Path) -> None:
    """Write config.json of 2023 with `fields`, and beside it code that must not be run."""
    old = {
        "alibi": False,
        "apply_residual_connection_post_layernorm": False,
        "architectures": ["RWForCausalLM"],
        "attention_dropout": 0.0,
        "auto_map": {
            "AutoConfig": "configuration_RW.RWConfig",
            "AutoModelForCausalLM": "modelling_RW.RWForCausalLM",
        },
        "bias": False,
        "bos_token_id": config.bos_token_id,
        "eos_token_id": config.eos_token_id,
        "hidden_dropout": 0.0,
        "hidden_size": config.hidden_size,
        "initializer_range": 0.02,
        "layer_norm_epsilon": 1e-05,
        "n_head": config.num_attention_heads,
        "n_layer": config.num_hidden_layers,
        "parallel_attn": True,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.27.4",
        "use_cache": True,
        "vocab_size": config.vocab_size,
    }
    if not config.tie_word_embeddings:
        old["tie_word_embeddings"] = False
    (folder / "config.json").write_text(json.dumps({**old, **fields}))
    for name in CODE_FILES:
        (folder / name).write_text(
            f"import pathlib\npathlib.Path({str(folder / MARK)!r}).touch()\n"
        )


def write_adapter(config: FalconConfig, folder: Path) -> None:
    """Write the adapter in the form of PEFT in 2023."""
    folder.mkdir(parents=True)
    head = config.hidden_size // config.num_attention_heads
    outputs = config.hidden_size + 2 * head
    generator = torch.Generator().manual_seed(2)
    weights = {}
    for layer in range(config.num_hidden_layers):
        stem = f"base_model.model.transformer.h.{layer}.self_attention.{TARGET}.lora_"
        a = torch.randn((RANK, config.hidden_size), generator=generator)
        weights[f"{stem}A.weight"] = a * config.hidden_size**-0.5
        weights[f"{stem}B.weight"] = torch.randn((outputs, RANK), generator=generator) * 0.2
    torch.save(weights, folder / "adapter_model.bin")
    settings = {
        "auto_mapping": None,
        "base_model_name_or_path": FALCON,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "layers_pattern": None,
        "layers_to_transform": None,
        "lora_alpha": ALPHA,
        "lora_dropout": 0.05,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": RANK,
        "revision": None,
        "target_modules": [TARGET],
        "task_type": "CAUSAL_LM",
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings))


def write_git(config: GitConfig, folder: Path) -> None:
    """Write the describer with its processor."""
    folder.mkdir(parents=True)
    torch.manual_seed(4)
    model = GitForCausalLM(config)
    for name, weight in model.named_parameters():
        if weight.dim() == 2 and "embedding" not in name:
            weight.data.normal_(0, weight.shape[1] ** -0.5)
    model.save_pretrained(folder)
    images = json.loads((DEMO / "git-demo" / "preprocessor_config.json").read_text())
    side = config.vision_config.image_size
    images |= {"crop_size": {"height": side, "width": side}, "size": {"shortest_edge": side}}
    (folder / "preprocessor_config.json").write_text(json.dumps(images))
    write_tokenizer(DEMO / "git-demo", config.vocab_size, folder)


def _in_shards(
    shapes: Mapping[str, tuple[int, ...]], shards: int
) -> Iterator[tuple[str, list[str]]]:
    """Yield files and their tensors; all files are of about the same size."""
    sizes = {name: torch.Size(shape).numel() for name, shape in shapes.items()}
    share = sum(sizes.values()) / shards
    names: list[list[str]] = [[] for _ in range(shards)]
    before = 0
    for name, size in sizes.items():
        names[min(int(before / share), shards - 1)].append(name)
        before += size
    for number, part in enumerate(names, start=1):
        yield f"model-{number:05}-of-{shards:05}.safetensors", part


def _random(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Return weights with which a layer's output is about as large as its input.

    The embeddings are small compared with the layers' output, so that the layers decide the answer.
    """
    generator = torch.Generator().manual_seed(sum(name.encode()))
    weight = torch.randn(shape, generator=generator, dtype=torch.bfloat16)
    if "word_embeddings" in name:
        return weight.mul_(0.5 * shape[1] ** -0.5)
    if len(shape) == 2:
        weight.mul_(shape[1] ** -0.5)
        # Cancels gelu's mean, which would dominate the rest.
        return weight.sub_(weight.mean(1, keepdim=True)) if "4h_to_h" in name else weight
    weight.mul_(0.1).add_(float(name.endswith("weight")))
    return weight.mul_(8) if "ln_f" in name else weight  # makes near ties rare
