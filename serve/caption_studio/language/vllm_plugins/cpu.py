"""The vLLM platform plugin: LoRA at full speed where the engine runs on a CPU.

vLLM calls `platform` through the entry point `vllm.platform_plugins` in each of its
processes, to choose its platform. It calls no other plugin as early, so here such a process also
begins to watch its parent. Not here: the arithmetic (language.vllm_plugins.cpu_lora).
"""

from caption_studio.language.vllm_plugins.parent_watch import end_with_parent

STOCK = "vllm.platforms.cpu.CpuPlatform"


def platform() -> str | None:
    """Return the name of our CPU platform if vLLM would take its plain one, else None.

    It is not imported here: vLLM's CPU platform cannot be imported before vLLM has chosen
    its platform.
    """
    from vllm.platforms import cpu_platform_plugin

    end_with_parent()
    if cpu_platform_plugin() != STOCK:
        return None
    return "caption_studio.language.vllm_plugins.cpu_platform.GroupedLoraCpuPlatform"
