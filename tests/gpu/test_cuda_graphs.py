"""The describer's compiled and recorded passes on a GPU say what `generate()` says there."""

import asyncio

import pytest
import torch

from benchmarks.describer.models import git_large_config, lively, pictures
from benchmarks.describer.ways import FixedBatches, Ours

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is visible to torch")

ROWS = 16


@pytest.mark.parametrize("eager", [False, True])
def test_tokens_are_upstreams(eager: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    loaded = lively(git_large_config(encoder_layers=2), torch.float32, torch.device("cuda"))
    asked = pictures(loaded.git.image_size_px, 40)
    expected = FixedBatches(loaded, len(asked)).generate(asked)
    ours = Ours(loaded, ROWS, eager=eager)

    async def say() -> list[str]:
        return list(await asyncio.gather(*(ours.describe(pixels) for pixels in asked)))

    try:
        assert asyncio.run(say()) == expected
    finally:
        ours.close()
