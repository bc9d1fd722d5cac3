"""Choices that are generated a few at a time are those of one request."""

import warnings
from collections.abc import AsyncGenerator

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM's imports warn
    from vllm import SamplingParams
    from vllm.outputs import CompletionOutput, RequestOutput

    from caption_studio.language.engine_groups import in_groups

pytestmark = pytest.mark.anyio


class Engine:
    """Answers each choice with its seed, one by one, as vLLM numbers them."""

    def __init__(self) -> None:
        self.asked: list[SamplingParams] = []

    async def generate(self, params: SamplingParams) -> AsyncGenerator[RequestOutput]:
        self.asked.append(params)
        for index in range(params.n):
            text = "free" if params.seed is None else str(params.seed + index)
            piece = CompletionOutput(index, text, [], None, None, finish_reason="length")
            yield RequestOutput("r", None, [], None, [piece], finished=index == params.n - 1)


async def texts(engine: Engine, params: SamplingParams, most: int) -> dict[int, str]:
    return {
        piece.index: piece.text
        async for output in in_groups(params, most, engine.generate)
        for piece in output.outputs
    }


@pytest.mark.parametrize("most", [1, 2, 3, 5, 64])
async def test_groups_have_the_choices_of_one_request(most: int) -> None:
    engine = Engine()
    asked = SamplingParams(n=5, seed=7, max_tokens=9)
    assert await texts(engine, asked, most) == {n: str(7 + n) for n in range(5)}
    assert max(params.n for params in engine.asked) <= most
    assert {params.max_tokens for params in engine.asked} == {9}
    assert (asked.n, asked.seed) == (5, 7)


async def test_what_fits_is_asked_as_it_is() -> None:
    engine = Engine()
    asked = SamplingParams(n=2)
    assert await texts(engine, asked, 2) == {0: "free", 1: "free"}
    assert engine.asked == [asked]
    assert engine.asked[0] is asked
