"""One vLLM engine for all tests of this folder, to which adapters can be added."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from caption_studio.records import BatchShare
from caption_studio.settings import LanguageSettings

if TYPE_CHECKING:
    from caption_studio.language.engine import FalconEngine

SLOTS = 2
BATCHES = BatchShare(places=2, patience_s=6.0)


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("adapters")


@pytest.fixture(scope="package")
async def engine(folder: Path) -> AsyncIterator["FalconEngine"]:
    from caption_studio.language.engine import FalconEngine  # not above: the tests' marks

    settings = LanguageSettings(
        max_loaded_adapters=SLOTS,
        adapters_dir=folder,
        adapter_cache_dir=folder / "cache",
        kv_cache_bytes=32 * 1024**2,
        max_num_seqs=32,
    )
    engine = FalconEngine(settings, run_time_adapters=True, batches=BATCHES)
    try:
        await engine.start()
        yield engine
    finally:
        engine.stop()
