"""`mode: merged`: the adapter is in the weights, and answers as it does beside them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from caption_studio.errors import InvalidAdapter
from caption_studio.language.adapters.configured import configured
from caption_studio.records import Prompt
from caption_studio.settings import AdapterSettings, LanguageSettings
from tests.adapters import config, write
from tests.engine_adapters.marks import ENGINE_HERE
from tests.fakes import sampling

pytestmark = ENGINE_HERE

ADAPTER = AdapterSettings(id="caption-demo", source="embedded:caption-demo")
DESCRIPTIONS = [
    f"{count} {colour} {thing} on a calm sea"
    for count in ("a", "two", "three")
    for colour in ("red", "blue", "white", "black")
    for thing in ("boat", "duck", "sailboat")
]
PROMPT = (
    "Convert the given image description to social media worthy caption:\nDescription: {}\nCaption:"
)


def settings(cache: Path, **changes: Any) -> LanguageSettings:
    values = {"adapters": (ADAPTER,), "adapter_cache_dir": cache, "kv_cache_bytes": 32 * 1024**2}
    return LanguageSettings(**{**values, **changes})


async def answers(chosen: LanguageSettings) -> list[str]:
    from caption_studio.language.engine import FalconEngine

    engine = FalconEngine(chosen)
    adapter = next(iter(configured(chosen)), None)

    async def answer(description: str) -> str:
        text = PROMPT.format(description)
        prompt = Prompt(description, "m", text, sampling(max_tokens=30), "verbatim", (), adapter)
        groups = [group async for group in engine.generate(prompt, stream=False)]
        return "".join(delta.text for group in groups for delta in group)

    try:
        await engine.start()
        return await asyncio.gather(*(answer(description) for description in DESCRIPTIONS))
    finally:
        engine.stop()


async def test_it_answers_as_the_adapter_beside_the_weights(tmp_path: Path) -> None:
    beside = await answers(settings(tmp_path))
    assert await answers(settings(tmp_path, mode="merged")) == beside
    assert len(set(beside)) > len(beside) / 2


async def test_an_adapter_that_does_not_fit_ends_the_start(tmp_path: Path) -> None:
    broken = write(tmp_path / "broken", config(base_model_name_or_path="another-model", r=16))
    adapter = AdapterSettings(id="broken", source=str(broken))
    with pytest.raises(InvalidAdapter, match="base model"):
        await answers(settings(tmp_path, mode="merged", adapters=(adapter,)))
