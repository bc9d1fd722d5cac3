"""LanguageSettings → the folder of the weights that the engine loads.

With `mode: merged` that is a temporary checkpoint, made here and deleted after the load.
Not here: the arithmetic (language.adapters.merge).
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from caption_studio.language.adapters.check import BaseModel
from caption_studio.language.adapters.configured import recorded
from caption_studio.language.adapters.service import AdapterService
from caption_studio.model_files import model_folder
from caption_studio.settings import LanguageSettings, model_location


@asynccontextmanager
async def weights_to_load(settings: LanguageSettings) -> AsyncIterator[str]:
    """Yield the folder that vLLM is to load, before the context ends.

    Raises:
        InvalidAdapter: the adapter does not fit the base model.
        AdapterUnavailable: its source cannot be reached in time.
        PullFailed: the hub does not give the base model's files.
        ValueError: the base model is no Falcon that can be served.
    """
    base = await asyncio.to_thread(model_folder, settings.model, settings.revision)
    if settings.mode != "merged":
        yield base
        return
    # Here and not above: PEFT takes seconds to import, and nothing else needs it.
    from caption_studio.language.adapters.merge import read_config, write_merged_checkpoint

    (adapter,) = settings.adapters
    config = await asyncio.to_thread(read_config, base)
    names = (model_location(settings.model), settings.id)
    service = AdapterService(settings, BaseModel.of(config, names))
    try:
        stored = await service.prepare(recorded(adapter))
    finally:
        service.close()
    with tempfile.TemporaryDirectory(prefix="merged-falcon-") as scratch:
        folder = Path(scratch) / "model"
        await asyncio.to_thread(
            write_merged_checkpoint, base, str(stored.folder), folder, settings.dtype
        )
        yield str(folder)
