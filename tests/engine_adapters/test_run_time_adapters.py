"""Adapters come and go in a running vLLM engine, and callers come before batches.

One engine serves all tests of this file.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig

from caption_studio.errors import AdapterUnavailable, InvalidAdapter
from caption_studio.language.adapters.check import BaseModel
from caption_studio.records import Adapter, BatchShare, Prompt
from caption_studio.settings import LanguageSettings
from tests.adapters import DEMO, TARGETS, config, tensors, write
from tests.engine_adapters.marks import ENGINE_HERE
from tests.fakes import sampling

if TYPE_CHECKING:
    from caption_studio.language.engine import FalconEngine

pytestmark = ENGINE_HERE

SLOTS = 2
BATCHES = BatchShare(places=2, patience_s=6.0)
TEXT = (
    "Convert the given image description to social media worthy caption:\n"
    "Description: a red boat on a calm sea\nCaption:"
)
DEMO_CONFIG = config(base_model_name_or_path="falcon-demo", r=16, lora_alpha=32)
DEMO_BASE = BaseModel.of(AutoConfig.from_pretrained(DEMO.parent / "falcon-demo"), ())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("adapters")


@pytest.fixture(scope="module")
async def engine(folder: Path) -> AsyncIterator["FalconEngine"]:
    from caption_studio.language.engine import FalconEngine  # not above: see conftest.py

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


async def answer(
    engine: "FalconEngine", adapter: Adapter | None, request_id: str = "r", *, text: str = TEXT
) -> str:
    prompt = Prompt(request_id, "m", text, sampling(max_tokens=12), "verbatim", adapter=adapter)
    groups = [group async for group in engine.generate(prompt, stream=False)]
    return "".join(delta.text for group in groups for delta in group)


async def ended(engine: "FalconEngine", prompt: Prompt) -> None:
    async for _ in engine.generate(prompt, stream=False):
        pass


async def added(engine: "FalconEngine", id_: str, path: Path) -> Adapter:
    return await engine.load_adapter(Adapter(id_, str(path)))


def voice(folder: Path, name: str, **weights: Any) -> Path:
    """An adapter on one module, unlike every other with another seed."""
    return write(folder / name, {**DEMO_CONFIG, "target_modules": ["query_key_value"]}, **weights)


def demo_weights(scale: float) -> dict[str, torch.Tensor]:
    weights = load_file(DEMO / "adapter_model.safetensors")
    return {n: t * scale if ".lora_B." in n else t for n, t in weights.items()}


async def test_an_adapter_added_at_run_time_answers_as_itself(
    engine: "FalconEngine", folder: Path
) -> None:
    copy = await added(engine, "copy", voice(folder, "copy", weights=demo_weights(1)))
    configured = Adapter("caption-demo", "embedded:caption-demo", configured=True)
    assert await answer(engine, copy) == await answer(engine, configured)
    assert await answer(engine, copy) != await answer(engine, None)


async def test_the_older_file_form_gives_the_same_answer(
    engine: "FalconEngine", folder: Path
) -> None:
    new = await added(engine, "new", voice(folder, "new", weights=demo_weights(0.7)))
    old = await added(engine, "old", voice(folder, "old", weights=demo_weights(0.7), form="bin"))
    assert new.digest != old.digest
    assert await answer(engine, new) == await answer(engine, old)


@pytest.mark.parametrize("target", TARGETS)
async def test_each_of_the_four_modules_takes_effect(
    engine: "FalconEngine", folder: Path, target: str
) -> None:
    weights = {n: 3 * t for n, t in tensors((target,), DEMO_BASE, rank=16).items()}
    path = write(folder / target, {**DEMO_CONFIG, "target_modules": [target]}, weights)
    adapter = await added(engine, target, path)
    assert await answer(engine, adapter) != await answer(engine, None)


async def test_more_adapters_than_slots_are_served_from_one_batch(
    engine: "FalconEngine", folder: Path
) -> None:
    adapters = [
        await added(engine, f"v{i}", voice(folder, f"v{i}", weights=demo_weights(1 + i / 2)))
        for i in range(2 * SLOTS + 8)
    ]
    alone = [await answer(engine, adapter) for adapter in adapters]
    mixed: Sequence[str] = await asyncio.gather(
        *(answer(engine, a, f"{n}-{a.id}") for n in range(3) for a in adapters)
    )
    assert list(mixed) == alone * 3
    assert len(set(alone)) > SLOTS


async def test_an_id_that_comes_back_with_other_weights_has_the_other_answer(
    engine: "FalconEngine", folder: Path
) -> None:
    """Neither vLLM's prefix cache nor a batch with both may take the one for the other."""
    text = " ".join(["a long text that fills several blocks of the cache"] * 30) + TEXT
    old = await added(engine, "again", voice(folder, "again", weights=demo_weights(1)))
    old_answer = await answer(engine, old, text=text)
    weights = demo_weights(-4)
    new = await added(engine, "again", voice(folder, "again", weights=weights))
    other_id = await added(engine, "other", voice(folder, "other", weights=weights))
    new_answer = await answer(engine, new, text=text)
    assert new_answer != old_answer
    assert new_answer == await answer(engine, other_id, text=text)
    assert (
        await asyncio.gather(
            *(answer(engine, a, f"{n}", text=text) for n, a in enumerate((old, new) * 2))
        )
        == [old_answer, new_answer] * 2
    )


async def test_a_wrong_one_is_refused_and_nobody_else_notices(
    engine: "FalconEngine", folder: Path
) -> None:
    wrong = voice(folder, "wrong", weights=demo_weights(0))
    with pytest.raises(InvalidAdapter, match="never trained"):
        await added(engine, "wrong", wrong)
    with pytest.raises(AdapterUnavailable) as refused:
        await answer(engine, Adapter("wrong", str(wrong)))
    assert refused.value.param == "model"
    voice(folder, "wrong", weights=demo_weights(1))
    assert await answer(engine, Adapter("wrong", str(wrong))) != await answer(engine, None)


async def test_a_caller_overtakes_the_prompts_of_a_batch(engine: "FalconEngine") -> None:
    alone = await answer(engine, None)
    line = Prompt(
        "b",
        "m",
        TEXT,
        sampling(max_tokens=600, ignore_eos=True),
        "verbatim",
        request_class="batch",
    )
    lines = [asyncio.create_task(ended(engine, line)) for _ in range(3 * BATCHES.places)]
    async with asyncio.timeout(30):
        while engine.load().batch_waiting < 2 * BATCHES.places:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await answer(engine, None) == alone
    assert engine.load().batch_waiting == 2 * BATCHES.places, "none of the batch has ended"
    await asyncio.gather(*lines)
    assert engine.load().batch_waiting == 0


async def test_choices_of_a_batch_are_those_of_a_caller(engine: "FalconEngine") -> None:
    """More than a batch has places for: they are generated in groups."""
    several = sampling(max_tokens=12, n=2 * BATCHES.places + 1, temperature=0.9, seed=3)
    online = Prompt("n", "m", TEXT, several, "verbatim")
    texts = [
        [delta.text for group in groups for delta in group]
        for groups in [
            [group async for group in engine.generate(asked, stream=False)]
            for asked in (online, replace(online, request_class="batch"))
        ]
    ]
    assert texts[0] == texts[1]
    assert len(set(texts[0])) > BATCHES.places
