"""Starts an engine of the embedded models, and keeps it.

usage: python -m tests.engine_adapters.kept_engine   (prints "ready" when it would answer)
"""

import asyncio

from caption_studio.language.engine import FalconEngine
from caption_studio.settings import LanguageSettings

LIFE_S = 300.0


async def main() -> None:
    engine = FalconEngine(LanguageSettings(kv_cache_bytes=32 * 1024**2))
    await engine.start()
    print("ready", flush=True)
    await asyncio.sleep(LIFE_S)


if __name__ == "__main__":
    asyncio.run(main())
