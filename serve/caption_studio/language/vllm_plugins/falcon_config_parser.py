"""config.json → transformers' `FalconConfig`, the way vLLM asks for it."""

from pathlib import Path
from typing import Any

from transformers import PreTrainedConfig
from vllm.transformers_utils.config import HFConfigParser

from caption_studio.language.falcon_config import is_falcon, modern_fields


class FalconConfigParser(HFConfigParser):  # type: ignore[misc]
    """Reads a Falcon's config in any of its forms, and every other config as vLLM does."""

    def parse(
        self,
        model: str | Path,
        trust_remote_code: bool,
        revision: str | None = None,
        code_revision: str | None = None,
        **kwargs: Any,
    ) -> tuple[dict[str, Any], PreTrainedConfig]:
        """Return the fields and the config; a Falcon's own code is never run.

        Raises `ValueError` for a form that cannot be served.
        """
        stored, _ = PreTrainedConfig.get_config_dict(
            model, revision=revision, token=kwargs.get("token")
        )
        if not is_falcon(stored):
            return super().parse(model, trust_remote_code, revision, code_revision, **kwargs)  # type: ignore[no-any-return]
        from transformers import FalconConfig  # not before it is needed: the plugin stays light

        fields = modern_fields(stored)
        return fields, FalconConfig.from_dict(fields, name_or_path=str(model))
