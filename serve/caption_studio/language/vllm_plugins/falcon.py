"""The vLLM plugin: every form of Falcon, with LoRA adapters.

vLLM's `FalconForCausalLM` (vllm/model_executor/models/falcon.py, 0.32.0) has LoRA-capable
layers but does not declare them, so the engine refuses to enable LoRA on it. It no longer
takes configs of 2023 (`RWForCausalLM`). vLLM calls `register` in each of its processes
through the entry point `vllm.general_plugins`, before it reads a model's config.

Not here: the model class (falcon_model), the config's fields (language.falcon_config).
"""

from vllm import ModelRegistry
from vllm.transformers_utils.config import register_config_parser

from caption_studio.language import engine_gathering, engine_sample
from caption_studio.language.falcon_config import ARCHITECTURE
from caption_studio.language.vllm_plugins.falcon_config_parser import FalconConfigParser

CONFIG_FORMAT = "caption_studio_falcon"
"""The engine argument `config_format` under which a Falcon's config is read."""


def register() -> None:
    """Replace vLLM's Falcon by the one that takes adapters; add our config reader.

    vLLM's engine core learns to tell its load (`Sample`) and to let tokens gather.

    The model is registered by name, not by class: importing it here would initialise torch
    in processes that only ask which architectures exist.
    """
    ModelRegistry.register_model(
        ARCHITECTURE, "caption_studio.language.vllm_plugins.falcon_model:FalconForCausalLMWithLoRA"
    )
    register_config_parser(CONFIG_FORMAT)(FalconConfigParser)
    engine_sample.install()
    engine_gathering.install()
