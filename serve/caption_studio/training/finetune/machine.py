"""What this machine trains on: its device, the numbers' type there, its free memory, its speed."""

import time
from dataclasses import dataclass

import torch

from caption_studio.memory import free_memory_bytes

DTYPE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
_TIMED_S = 0.2
_TIMED_ROWS = 512


@dataclass(frozen=True, slots=True)
class Machine:
    """`device` is cuda or cpu, `dtype` the type of the base model's weights and activations.

    `matmul_flops` is the measured rate of a matrix product of that type, per second.
    """

    device: str
    name: str
    dtype: str
    free_bytes: int
    matmul_flops: float


def this_machine(width: int) -> Machine:
    """Return this machine; its rate is that of products with matrices of `width` columns.

    The first GPU is used if there is one: bfloat16 where it computes with it, float16 where not
    (a T4). A CPU computes in float32.
    """
    if torch.cuda.is_available():
        bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
        dtype = "bfloat16" if bfloat16 else "float16"
        free_bytes, _ = torch.cuda.mem_get_info(0)
        rate = matmul_rate("cuda", dtype, width)
        return Machine("cuda", torch.cuda.get_device_name(0), dtype, free_bytes, rate)
    name = f"a CPU, {torch.get_num_threads()} threads"
    rate = matmul_rate("cpu", "float32", width)
    return Machine("cpu", name, "float32", free_memory_bytes(), rate)


def matmul_rate(device: str, dtype: str, width: int) -> float:
    """Return the operations a second in products [512, width] x [width, 4 width], timed 0.2 s."""
    left = torch.ones(_TIMED_ROWS, width, device=device, dtype=getattr(torch, dtype))
    right = torch.ones(width, 4 * width, device=device, dtype=left.dtype)
    _ = left @ right
    _settle(device)
    started_s, products = time.perf_counter(), 0
    while (took_s := time.perf_counter() - started_s) < _TIMED_S or products == 0:
        _ = left @ right
        _settle(device)
        products += 1
    return products * 2 * _TIMED_ROWS * width * 4 * width / took_s


def _settle(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
