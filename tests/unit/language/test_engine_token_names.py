"""Held against vLLM's own output processor: log probabilities without the candidates' text."""

import warnings
from typing import Any

import numpy as np
import pytest
from transformers import AutoTokenizer

from caption_studio.language.answer import Choices
from caption_studio.language.tokens import TokenBytes
from caption_studio.records import Prompt, Sampling, TokenLogprob
from caption_studio.settings import model_location
from tests.unit.language.vllm_requests import engine_request

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM's imports warn
    from vllm import SamplingParams
    from vllm.logprobs import FlatLogprobs, Logprob
    from vllm.outputs import CompletionOutput, RequestOutput
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine import EngineCoreOutput
    from vllm.v1.engine.output_processor import OutputProcessor, RequestOutputCollector
    from vllm.v1.outputs import LogprobsLists

    from caption_studio.language.engine_added_requests import AddedRequests
    from caption_studio.language.engine_outputs import feed, token_logprobs
    from caption_studio.language.engine_token_names import skip_token_names

pytestmark = pytest.mark.anyio

CANDIDATES = 3


def output_of(tokenizer: Any, token_ids: list[int], *, with_names: bool) -> RequestOutput:
    """What vLLM gives for these tokens.

    Those at even places are their position's likeliest, the others are beyond the third.
    """
    processor = OutputProcessor(tokenizer, log_stats=False)
    if not with_names:
        AddedRequests(processor, each=skip_token_names)
    params = SamplingParams(
        output_kind=RequestOutputKind.FINAL_ONLY, logprobs=CANDIDATES, flat_logprobs=True
    )
    queue = RequestOutputCollector(RequestOutputKind.FINAL_ONLY, "r")
    request = engine_request("r", "r", params)
    processor.add_request(request, None, queue=queue)
    for position, token_id in enumerate(token_ids):
        is_likeliest = position % 2 == 0
        likeliest = [token_id if is_likeliest else 1, 2, 3]
        logprobs = LogprobsLists(
            np.array([[token_id, *likeliest]]),
            np.array([[-0.5 if is_likeliest else -9.0, -0.5, -1.0, -2.0]]),
            np.array([1 if is_likeliest else 17]),
        )
        last: Any = "length" if position == len(token_ids) - 1 else None
        step = EngineCoreOutput("r", [token_id], new_logprobs=logprobs, finish_reason=last)
        processor.process_outputs([step])
    output = queue.get_nowait()
    assert isinstance(output, RequestOutput)
    return output


async def logprobs_in_the_answer(output: RequestOutput, tokenizer: Any) -> tuple[TokenLogprob, ...]:
    choices = Choices(Prompt("r", "m", "", Sampling(None, 1.0, 1.0), "verbatim"), prompt_tokens=2)
    (piece,) = output.outputs
    feed(choices, output, [await token_logprobs(piece, TokenBytes(tokenizer))])
    (delta,) = choices.flush()
    return delta.logprobs


async def test_the_answer_is_the_same_and_no_candidate_is_decoded() -> None:
    tokenizer = AutoTokenizer.from_pretrained(model_location("embedded:falcon-demo"))
    token_ids = tokenizer.encode("Two boats 🌊 at sea")
    plain = output_of(tokenizer, token_ids, with_names=True)
    ours = output_of(tokenizer, token_ids, with_names=False)
    assert ours.outputs[0].text == plain.outputs[0].text
    found = await logprobs_in_the_answer(ours, tokenizer)
    assert found == await logprobs_in_the_answer(plain, tokenizer)
    assert b"".join(token.data for token in found).decode() == "Two boats 🌊 at sea"
    for place, token in enumerate(found):
        likeliest = [(one.data, one.logprob) for one in token.alternatives]
        if place % 2 == 0:
            assert likeliest[0] == (token.data, token.logprob) == (token.data, -0.5)
            assert len(likeliest) == CANDIDATES
        else:
            assert likeliest[-1] == (token.data, token.logprob) == (token.data, -9.0)
            assert len(likeliest) == CANDIDATES + 1
        assert [logprob for _, logprob in likeliest[:3]] == [-0.5, -1.0, -2.0]
    (piece,) = ours.outputs
    assert isinstance(piece.logprobs, FlatLogprobs)
    assert set(piece.logprobs.decoded_tokens) == {None}


async def test_an_answer_that_vllm_has_merged_ranks_its_candidates_too() -> None:
    """For a slow reader vLLM merges outputs, and then lists no token twice."""
    flat = FlatLogprobs()
    flat.append({8: Logprob(-2.0, 2), 7: Logprob(-1.0, 1)})
    piece = CompletionOutput(0, "", [8], None, flat)
    tokens = TokenBytes(None)
    tokens.update({7: b"seven", 8: b"eight"})
    (token,) = await token_logprobs(piece, tokens)
    assert (token.data, token.logprob) == (b"eight", -2.0)
    assert [one.data for one in token.alternatives] == [b"seven", b"eight"]


async def test_a_special_token_has_a_name_and_no_text() -> None:
    """The text that vLLM gives leaves special tokens out."""
    tokenizer = AutoTokenizer.from_pretrained(model_location("embedded:falcon-demo"))
    sea, soon = tokenizer.encode("sea"), tokenizer.encode(" soon")
    output = output_of(tokenizer, [*sea, tokenizer.eos_token_id, *soon], with_names=False)
    assert output.outputs[0].text == "sea soon"
    found = await logprobs_in_the_answer(output, tokenizer)
    is_special = [token.is_special for token in found]
    assert is_special == [False] * len(sea) + [True] + [False] * len(soon)
    assert found[len(sea)].data.decode() == tokenizer.eos_token
    assert [found[len(sea)].text_offset, found[len(sea) + 1].text_offset] == [3, 3]
