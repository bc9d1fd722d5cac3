"""Held against vLLM's own output processor: a reader that is late gets each output by itself."""

import warnings
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import AutoTokenizer

from caption_studio.settings import model_location
from tests.unit.language.vllm_requests import engine_request

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM's imports warn
    from vllm import SamplingParams
    from vllm.outputs import RequestOutput
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine import EngineCoreOutput
    from vllm.v1.engine.output_processor import OutputProcessor, RequestOutputCollector

    from caption_studio.language.engine_added_requests import AddedRequests
    from caption_studio.language.engine_single_outputs import keep_apart
    from caption_studio.language.engine_token_names import skip_token_names

pytestmark = pytest.mark.anyio

TEXT = '"Sea" and "sun"'


class Late:
    """vLLM's output processing of one request, whose outputs nobody has fetched yet."""

    def __init__(self, *, apart: bool) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(model_location("embedded:falcon-demo"))
        self.tokens = self.tokenizer.encode(TEXT)
        processor = OutputProcessor(self.tokenizer, log_stats=False)
        added = AddedRequests(processor, each=skip_token_names)
        self.queue = RequestOutputCollector(RequestOutputKind.DELTA, "r")
        params = SamplingParams(output_kind=RequestOutputKind.DELTA)
        with added.told("r" if apart else "another", keep_apart):
            processor.add_request(engine_request("r-1", "r", params), None, queue=self.queue)
        for token in self.tokens:
            processor.process_outputs([EngineCoreOutput("r-1", [token])])


def held(output: Any) -> tuple[str, int]:
    assert isinstance(output, RequestOutput)
    (piece,) = output.outputs
    return piece.text, len(piece.token_ids)


async def test_without_it_vllm_joins_them() -> None:
    """When this fails, vLLM joins nothing, and the module can go."""
    late = Late(apart=False)
    assert held(await late.queue.get()) == (TEXT, len(late.tokens))


async def test_each_comes_by_itself_and_in_order() -> None:
    late = Late(apart=True)
    found = [held(await late.queue.get())]
    while (output := late.queue.get_nowait()) is not None:
        found.append(held(output))
    assert "".join(text for text, _ in found) == TEXT
    assert [tokens for _, tokens in found] == [1] * len(late.tokens)


async def test_a_failure_comes_before_what_waits() -> None:
    late = Late(apart=True)
    late.queue.put(OverflowError("no such token"))
    with pytest.raises(OverflowError):
        await late.queue.get()


async def test_choices_that_share_a_queue_lose_nothing() -> None:
    late = Late(apart=True)
    keep_apart(SimpleNamespace(queue=late.queue))
    found = 0
    while late.queue.get_nowait() is not None:
        found += 1
    assert found == len(late.tokens)
