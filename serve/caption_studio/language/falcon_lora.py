"""The vLLM plugin: Falcon that accepts LoRA adapters.

vLLM's `FalconForCausalLM` (vllm/model_executor/models/falcon.py, 0.32.0) runs LoRA-capable
layers but does not say so, and the engine refuses to enable LoRA on it. The class below
says so. vLLM loads this module in each of its processes through the entry point
`vllm.general_plugins`, before it resolves a model's architecture.

Not here: Falcon-40B's interleaved projection (`new_decoder_architecture`), whose adapter
rows would need permuting; such a base model is refused when an adapter is configured.
"""

from vllm import ModelRegistry

ARCHITECTURE = "FalconForCausalLM"


def register() -> None:
    """Replace vLLM's Falcon by the one that takes adapters.

    Registered by name, not by class: importing the model here would initialise torch in
    processes that only ask which architectures exist.
    """
    ModelRegistry.register_model(
        ARCHITECTURE, "caption_studio.language.falcon_lora_model:FalconForCausalLMWithLoRA"
    )
