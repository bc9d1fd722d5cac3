"""Measured ceilings of this card, to which figures are compared."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch

from benchmarks.gpu.arithmetic import Work

REPEATS = 20
WARM_UPS = 3


@dataclass(frozen=True)
class Card:
    """A device and its two ceilings; copies count bytes read and bytes written."""

    name: str
    memory_bytes: int
    copied_bytes_per_s: float
    operations_per_s: float

    def seconds(self, work: Work) -> float:
        """Return the least time for the work: the longer of copying and computing."""
        return max(work.operations / self.operations_per_s, work.bytes_ / self.copied_bytes_per_s)


def measure(device: torch.device, dtype: torch.dtype, *, copy_bytes: int, side: int) -> Card:
    """Time a large copy and a large matrix product of random numbers on the device."""
    source = torch.randint(0, 256, (copy_bytes,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    product = torch.empty_like(left)
    copy_s = seconds(lambda: target.copy_(source), device)
    product_s = seconds(lambda: torch.matmul(left, right, out=product), device)
    return Card(
        name=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        memory_bytes=torch.cuda.mem_get_info(device)[1] if device.type == "cuda" else 0,
        copied_bytes_per_s=2 * copy_bytes / copy_s,
        operations_per_s=2 * side**3 / product_s,
    )


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Return the median time of one run, by the device's own events if it has any."""
    for _ in range(WARM_UPS):
        work()
    if device.type != "cuda":
        return median(_host_seconds(work) for _ in range(REPEATS))
    times_ms: list[float] = []
    for _ in range(REPEATS):
        begin = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        begin.record()
        work()
        end.record()
        end.synchronize()
        times_ms.append(float(begin.elapsed_time(end)))
    return median(times_ms) / 1e3


def _host_seconds(work: Callable[[], object]) -> float:
    begin_s = time.perf_counter()
    work()
    return time.perf_counter() - begin_s
