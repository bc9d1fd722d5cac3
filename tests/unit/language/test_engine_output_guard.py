"""Held against vLLM's own output processor: one request's bad output, and its neighbours."""

import warnings
from typing import Any

import pytest
from transformers import AutoTokenizer

from caption_studio.settings import model_location

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM's imports warn
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine import EngineCoreOutput, EngineCoreRequest, FinishReason
    from vllm.v1.engine.output_processor import OutputProcessor, RequestOutputCollector

    from caption_studio.language.engine_output_guard import contain

pytestmark = pytest.mark.anyio

IDS = ("first", "bad", "last")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(model_location("embedded:falcon-demo"))


def with_requests(tokenizer: Any) -> tuple[OutputProcessor, dict[str, RequestOutputCollector]]:
    processor = OutputProcessor(tokenizer, log_stats=False)
    params = SamplingParams(output_kind=RequestOutputKind.DELTA)
    queues = {}
    for id_ in IDS:
        request = EngineCoreRequest(
            request_id=id_,
            external_req_id=id_,
            prompt_token_ids=[1, 2],
            mm_features=None,
            sampling_params=params.clone(),
            pooling_params=None,
            arrival_time=0.0,
            lora_request=None,
            cache_salt=None,
            data_parallel_rank=None,
        )
        queues[id_] = RequestOutputCollector(RequestOutputKind.DELTA, id_)
        processor.add_request(request, None, queue=queues[id_])
    return processor, queues


def outputs(finish: FinishReason | None = None) -> list[EngineCoreOutput]:
    return [EngineCoreOutput(id_, [40], finish_reason=finish) for id_ in IDS]


def spoil(processor: OutputProcessor) -> None:
    class Broken:
        def num_output_tokens(self) -> int:
            return 0

        def update(self, *_: object) -> None:
            raise OverflowError("no such token")

    processor.request_states["bad"].detokenizer = Broken()  # type: ignore[assignment]


async def test_without_the_guard_one_bad_output_ends_the_loop(tokenizer: Any) -> None:
    """When this fails, vLLM contains it by itself, and the guard can go."""
    processor, queues = with_requests(tokenizer)
    spoil(processor)
    with pytest.raises(OverflowError):
        processor.process_outputs(outputs())
    assert queues["last"].get_nowait() is None


async def test_one_bad_output_fails_its_request_alone(tokenizer: Any) -> None:
    processor, queues = with_requests(tokenizer)
    contain(processor)
    spoil(processor)
    for finish in (None, FinishReason.LENGTH):
        done = processor.process_outputs(outputs(finish))
        assert done.request_outputs == []
        with pytest.raises(OverflowError):
            queues["bad"].get_nowait()
        for id_ in ("first", "last"):
            output = queues[id_].get_nowait()
            assert output is not None
            assert output.outputs[0].token_ids == [40]
    assert set(processor.request_states) == {"bad"}  # until its caller aborts it


async def test_what_is_no_requests_failure_is_raised(tokenizer: Any) -> None:
    processor, _ = with_requests(tokenizer)
    contain(processor)

    def broken() -> Any:
        raise RuntimeError("no outputs at all")
        yield

    with pytest.raises(RuntimeError):
        processor.process_outputs(broken())
