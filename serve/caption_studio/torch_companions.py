"""torchvision, torchaudio, torchcodec: hidden where they were built for another torch.

vLLM requires them in any build, so beside a torch for CPUs pip installs those for CUDA, which
cannot be imported. transformers imports what it finds, and fails. Neither GIT nor Falcon needs
them. deploy/install.sh removes what does not fit; an installed wheel has no such step.
"""

import sys
from collections.abc import Mapping

from caption_studio.model_libraries import TORCH, installed

COMPANIONS = ("torchvision", "torchaudio", "torchcodec")
CPU = "+cpu"


def hide_unfit() -> None:
    """Let this process import none of those that do not fit, as if they were not installed."""
    for name in unfit(installed((TORCH, *COMPANIONS))):
        # Documented (importlib, "The module cache"): with None here, an import raises
        # ModuleNotFoundError and `find_spec`, by which transformers looks, finds nothing.
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


def unfit(versions: Mapping[str, str]) -> list[str]:
    """Return the companions that are not of the CPU build, where torch is; versions by name."""
    if CPU not in versions.get(TORCH, ""):
        return []
    return [name for name in COMPANIONS if CPU not in versions.get(name, CPU)]
