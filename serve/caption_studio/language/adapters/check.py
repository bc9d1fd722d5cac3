"""Stored adapter and base model → the names, shapes and numbers fit, or the reason why not.

vLLM copies an adapter into buffers of the base model's size. An adapter that is too small, lacks
layers or was never trained would load, and answer as the base model does or with nonsense.
Blocking: for a worker thread. Not here: the configuration by itself (language.adapters.config).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from caption_studio.language.adapters import weights as adapter_weights
from caption_studio.language.adapters.config import AdapterConfig, read_config, unservable
from caption_studio.language.adapters.fetch import CONFIG_FILE, SAFETENSORS_FILE

TENSOR = re.compile(
    r"base_model\.model\.(transformer\.h\.\d{1,4}\.[a-z0-9_.]+)\.lora_([AB])\.weight"
)
"""A tensor's name as PEFT writes it: the module, then which of the two matrices."""

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BaseModel:
    """The base model's names and its modules' sizes, which an adapter must fit.

    `modules` maps each module's name to its (inputs, outputs).
    """

    names: tuple[str, ...]
    layers: int
    modules: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, config: Any, names: Iterable[str]) -> "BaseModel":
        """Read Falcon's configuration (transformers' `FalconConfig` or vLLM's `RWConfig`).

        The sizes are those of vllm/model_executor/models/falcon.py (0.32), where the
        feed-forward part is always four times as wide as the hidden state.
        """
        hidden = config.hidden_size
        if config.new_decoder_architecture:
            kv_heads = config.num_kv_heads
        else:
            kv_heads = 1 if config.multi_query else config.num_attention_heads
        head = hidden // config.num_attention_heads
        sizes = {
            "self_attention.query_key_value": (hidden, hidden + 2 * kv_heads * head),
            "self_attention.dense": (hidden, hidden),
            "mlp.dense_h_to_4h": (hidden, 4 * hidden),
            "mlp.dense_4h_to_h": (4 * hidden, hidden),
        }
        layers = config.num_hidden_layers
        modules = {
            f"transformer.h.{layer}.{name}": size
            for layer in range(layers)
            for name, size in sizes.items()
        }
        return cls(tuple(names), layers, modules)


def check(folder: Path, base: BaseModel, *, max_rank: int, any_base: bool) -> None:
    """Check that the adapter can be served on `base`. Raises `InvalidAdapter` if not."""
    config = read_config(folder / CONFIG_FILE, max_rank=max_rank)
    if not any_base:
        _check_base(config.base, base.names)
    tensors = adapter_weights.read(folder / SAFETENSORS_FILE)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    _check_shapes(_by_module(shapes), config, base)
    for name, tensor in tensors.items():
        if not adapter_weights.is_floating(tensor):
            raise unservable(f"{name} is not of float64, float32, float16 or bfloat16")
        if not adapter_weights.is_finite(tensor):
            raise unservable(f"{name} holds NaN or infinity")
    if all(adapter_weights.is_zero(t) for name, t in tensors.items() if ".lora_B." in name):
        raise unservable("it was never trained: all of lora_B is zero, it would be the base model")


def target_modules(folder: Path) -> frozenset[str]:
    """Return the last parts of the names of all modules that a checked adapter has weights for."""
    names = adapter_weights.names(folder / SAFETENSORS_FILE)
    return frozenset(module.rpartition(".")[2] for module in _by_module(dict.fromkeys(names, ())))


def _check_base(named: str, names: tuple[str, ...]) -> None:
    """Compare only the last part of the names: a model's location does not identify it."""
    if not named:
        raise unservable(
            "it does not say which base model it was made for; if it is this one, set any_base"
        )
    if PurePosixPath(named).name.lower() not in {PurePosixPath(n).name.lower() for n in names}:
        raise unservable(
            f"it was made for the base model {named[:200]!r}, and this service runs another; "
            "if they are the same, set any_base"
        )


def _by_module(shapes: Mapping[str, Shape]) -> Mapping[str, dict[str, Shape]]:
    """Return for each module the shapes of its A and B."""
    modules: dict[str, dict[str, Shape]] = {}
    for name, shape in shapes.items():
        match = TENSOR.fullmatch(name)
        if match is None:
            raise unservable(
                f"there is no place for its tensor {name[:200]!r}: only the linear layers of "
                "Falcon's blocks take an adapter"
            )
        modules.setdefault(match[1], {})[match[2]] = shape
    return modules


def _check_shapes(
    found: Mapping[str, Mapping[str, Shape]], config: AdapterConfig, base: BaseModel
) -> None:
    for module in sorted(found):
        if module not in base.modules:
            raise unservable(f"the base model has no module {module[:200]!r} that takes one")
    expected = {module for module in base.modules if config.selection.selects(module)}
    if not expected:
        raise unservable("its target_modules select no module of the base model")
    for module in sorted(expected - found.keys()):
        raise unservable(f"its configuration names {module}, but it has no tensors for it")
    for module in sorted(found.keys() - expected):
        raise unservable(f"it has tensors for {module}, which its configuration does not name")
    for module, matrices in found.items():
        inputs, outputs = base.modules[module]
        rank = config.rank_of(module)
        config.alpha_of(module)  # vLLM evaluates the same patterns, without a time limit
        for matrix, shape in (("A", (rank, inputs)), ("B", (outputs, rank))):
            if matrices.get(matrix) != shape:
                have = list(matrices[matrix]) if matrix in matrices else "not there"
                raise unservable(f"lora_{matrix} of {module} is {have} and must be {list(shape)}")
