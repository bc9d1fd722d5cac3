"""Whether FlashInfer's sampling kernels can run on this machine, without asking FlashInfer.

vLLM takes them for top-p and top-k on CUDA wherever the card allows
(vllm/v1/sample/ops/topk_topp_sampler.py, 0.32.0, `flashinfer_sampler_supported`). It checks the
card but not the compiler. FlashInfer compiles these kernels at first use, which is vLLM's own
trial run at the start, and on a machine without nvcc that run fails
(https://github.com/vllm-project/vllm/issues/49497). Without them vLLM samples by Triton kernels.
"""

import importlib.util
import os
import shutil
from collections.abc import Mapping

VARIABLE = "VLLM_USE_FLASHINFER_SAMPLER"
FLASHINFER = "flashinfer"
COMPILED = "flashinfer_jit_cache"
"""The package with the compiled kernels."""

CUDA_HOME = "/usr/local/cuda"


def can_run(environment: Mapping[str, str]) -> bool:
    """Return whether the kernels are installed compiled, or can be compiled here."""
    if importlib.util.find_spec(FLASHINFER) is None:
        return False
    if importlib.util.find_spec(COMPILED) is not None:
        return True
    path = environment.get("PATH")
    home = environment.get("CUDA_HOME") or environment.get("CUDA_PATH")
    nvcc = shutil.which(os.path.join(home or CUDA_HOME, "bin", "nvcc"))
    if home is None:  # a CUDA home that is set is the only place searched
        nvcc = shutil.which("nvcc", path=path) or nvcc
    return bool(nvcc and shutil.which("ninja", path=path) and shutil.which("c++", path=path))
