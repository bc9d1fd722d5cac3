"""A trained model → the folder that the service loads, checked as the service checks it."""

import tempfile
from pathlib import Path
from typing import Any

from caption_studio.errors import InvalidAdapter
from caption_studio.language.adapters.check import BaseModel, check
from caption_studio.training.base import Base
from caption_studio.training.failures import Interrupted

FILES = ("adapter_config.json", "adapter_model.safetensors")


def save(model: Any, base: Base, folder: Path, rank: int) -> None:
    """Write the adapter's two files, if the service would take them.

    `model` is PEFT's. Raises `Interrupted` if the check refuses it.
    """
    with tempfile.TemporaryDirectory(dir=folder, prefix=".adapter-") as unchecked:
        model.peft_config["default"].base_model_name_or_path = base.id
        model.save_pretrained(unchecked, save_embedding_layers=False)
        try:
            fits = BaseModel.of(base.config, (base.id,))
            check(Path(unchecked), fits, max_rank=rank, any_base=False)
        except InvalidAdapter as error:
            raise Interrupted(
                f"The service would not take the adapter: {error.message}", can_resume=False
            ) from error
        for name in FILES:
            file = Path(unchecked, name)
            file.chmod(0o644)
            file.replace(folder / name)
