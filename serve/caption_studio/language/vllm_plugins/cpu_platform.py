"""vLLM's CPU platform with our LoRA wrapper and worker, through vLLM's own extension point.

`Platform.get_punica_wrapper` names the class that applies adapters, `ParallelConfig.worker_cls` the
worker. On a CPU vLLM imports this module by the name that language.vllm_plugins.cpu returns.
"""

import logging
from inspect import signature
from typing import Any

from vllm.platforms.cpu import CpuPlatform

logger = logging.getLogger(__name__)

STOCK_WORKER = "vllm.v1.worker.cpu_worker.CPUWorker"
WORKER = "caption_studio.language.vllm_plugins.cpu_worker.RewindingCPUWorker"
STOCK = "vllm.lora.punica_wrapper.punica_cpu.PunicaWrapperCPU"


class GroupedLoraCpuPlatform(CpuPlatform):  # type: ignore[misc]
    """vLLM's CPU platform, unchanged but for the wrapper and the worker."""

    @classmethod
    def check_and_update_config(cls, vllm_config: Any) -> None:
        """Fill in what the configuration leaves open, our worker instead of vLLM's."""
        super().check_and_update_config(vllm_config)
        if vllm_config.parallel_config.worker_cls == STOCK_WORKER:
            vllm_config.parallel_config.worker_cls = WORKER

    @classmethod
    def get_punica_wrapper(cls) -> str:
        """Return our wrapper's name; vLLM's own, with a warning, where its interface changed."""
        stock: str = super().get_punica_wrapper()
        if stock != STOCK or not _is_known_interface():
            logger.warning("this vLLM applies LoRA in a way unknown to us: its own path is used")
            return stock
        return "caption_studio.language.vllm_plugins.cpu_lora.GroupedPunicaWrapper"


def _is_known_interface() -> bool:
    # Imported here: vLLM's LoRA modules need the platform, which is not set at import time.
    from vllm.lora.punica_wrapper.punica_cpu import PunicaWrapperCPU

    from caption_studio.language.vllm_plugins.cpu_lora import GroupedPunicaWrapper

    theirs, ours = (
        tuple(signature(wrapper.add_lora_linear).parameters)
        for wrapper in (PunicaWrapperCPU, GroupedPunicaWrapper)
    )
    return theirs == ours
