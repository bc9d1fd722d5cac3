"""The vLLM platform plugin: LoRA at full speed where the engine runs on a CPU.

vLLM calls `platform` through the entry point `vllm.platform_plugins` in each of its
processes, to learn what it runs on. Not here: the arithmetic (language.lora_cpu_wrapper).
"""

STOCK = "vllm.platforms.cpu.CpuPlatform"


def platform() -> str | None:
    """Name our CPU platform where vLLM would take its plain one; elsewhere stand aside.

    Named, not imported: vLLM's CPU platform cannot be imported before vLLM has answered
    what platform it is on.
    """
    from vllm.platforms import cpu_platform_plugin

    if cpu_platform_plugin() != STOCK:
        return None
    return "caption_studio.language.lora_cpu_platform.GroupedLoraCpuPlatform"
