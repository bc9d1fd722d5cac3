"""Held against vLLM's own output processor: where answers end, and their neighbours."""

import gc
import random
import warnings
import weakref
from contextlib import AbstractContextManager
from typing import Any

import pytest
from transformers import AutoTokenizer

from caption_studio.language.answer import AnswerEnd, Choices
from caption_studio.records import AnswerForm, Prompt, Sampling
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
    from caption_studio.language.engine_answer_ends import end_at
    from caption_studio.language.engine_output_guard import contain
    from caption_studio.language.engine_token_names import skip_token_names

pytestmark = pytest.mark.anyio

TEXTS = (
    ' "Sea you soon!" and so on "more"',
    'Sure: "Sea you" on',
    "Golden hour\nDescription: a dog",
    "No quotes, no end",
    ' "An open one',
    ' "Sun, sea & sand"\nDescription: "x"',
    '""',
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(model_location("embedded:falcon-demo"))


def prompt_for(answer: AnswerForm, stop: tuple[str, ...]) -> Prompt:
    words = ("\nDescription:",) if answer == "quoted" else ()
    return Prompt("r", "m", "", Sampling(None, 1.0, 1.0, stop=stop), answer, words)


class Engine:
    """vLLM's output processing, fed by hand."""

    def __init__(self, tokenizer: Any) -> None:
        self.processor = OutputProcessor(tokenizer, log_stats=False)
        self.added = AddedRequests(self.processor, each=skip_token_names)
        self.aborted: list[str] = []

    def ends(self, outside: str, prompt: Prompt) -> AbstractContextManager[None]:
        return self.added.told(outside, lambda state: end_at(state, AnswerEnd(prompt)))

    def ask(self, id_: str, outside: str) -> RequestOutputCollector:
        params = SamplingParams(output_kind=RequestOutputKind.FINAL_ONLY)
        queue = RequestOutputCollector(RequestOutputKind.FINAL_ONLY, id_)
        request = engine_request(id_, outside, params)
        self.processor.add_request(request, None, queue=queue)
        return queue

    def step(self, tokens: dict[str, int]) -> None:
        outputs = [EngineCoreOutput(id_, [token]) for id_, token in tokens.items()]
        self.aborted += self.processor.process_outputs(outputs).reqs_to_abort


def whole(queue: RequestOutputCollector) -> RequestOutput | None:
    output = queue.get_nowait()
    assert output is None or isinstance(output, RequestOutput)
    return output


@pytest.mark.parametrize("answer", ["quoted", "verbatim", "trimmed"])
@pytest.mark.parametrize("stop", [(), ("sea",), ("S", "and")])
@pytest.mark.parametrize("text", TEXTS)
async def test_an_answer_ends_with_the_token_with_which_it_would_be_cut(
    tokenizer: Any, text: str, stop: tuple[str, ...], answer: AnswerForm
) -> None:
    prompt = prompt_for(answer, stop)
    engine = Engine(tokenizer)
    with engine.ends("mine", prompt):
        mine = engine.ask("mine-1", "mine")
    other = engine.ask("other", "other")
    by_token = Choices(prompt, prompt_tokens=2)
    used = 0
    for token in tokenizer.encode(text):
        engine.step({"mine-1": token, "other": token})
        by_token.feed(0, tokenizer.decode([token]), 1, None)
        used += 1
        output = whole(mine)
        assert (output is not None) is by_token.finished
        if output is not None:
            break
    assert whole(other) is None
    assert engine.aborted == (["mine-1"] if by_token.finished else [])
    if output is not None:
        (piece,) = output.outputs
        assert (len(piece.token_ids), piece.finish_reason) == (used, "stop")
        at_once = Choices(prompt, prompt_tokens=2)
        at_once.feed(0, piece.text, used, "stop")
        assert at_once.flush() == by_token.flush()


async def test_after_it_was_asked_an_id_means_nothing(tokenizer: Any) -> None:
    engine = Engine(tokenizer)
    with engine.ends("mine", prompt_for("quoted", ())):
        pass
    mine = engine.ask("mine-1", "mine")
    for token in tokenizer.encode('"a" b'):
        engine.step({"mine-1": token})
    assert whole(mine) is None


async def test_an_answer_that_ends_leaves_nothing_to_the_garbage_collector(tokenizer: Any) -> None:
    engine = Engine(tokenizer)
    with engine.ends("mine", prompt_for("quoted", ())):
        engine.ask("mine", "mine")
    detokenizer = weakref.ref(engine.processor.request_states["mine"].detokenizer)
    gc.disable()
    try:
        for token in tokenizer.encode('"a"'):
            engine.step({"mine": token})
        assert engine.aborted == ["mine"]
        assert detokenizer() is None
    finally:
        gc.enable()


async def test_an_answer_ends_beside_one_that_fails(tokenizer: Any) -> None:
    engine = Engine(tokenizer)
    contain(engine.processor)
    with engine.ends("mine", prompt_for("quoted", ())):
        mine = engine.ask("mine", "mine")
    bad = engine.ask("bad", "bad")
    tokens = tokenizer.encode('"a"')
    for token in tokens[:-1]:
        engine.step({"mine": token, "bad": token})
    engine.processor.request_states["bad"].detokenizer = None
    engine.step({"mine": tokens[-1], "bad": tokens[-1]})
    assert whole(mine) is not None
    assert engine.aborted == ["mine"]
    with pytest.raises(AssertionError):
        bad.get_nowait()


def test_an_answer_at_once_is_the_answer_in_pieces() -> None:
    draw = random.Random(0)
    letters = ['"', " ", "\n", "S", "ea", "\nDescription:", "and", "🌅"]
    for _ in range(2000):
        pieces = draw.choices(letters, k=draw.randrange(1, 9))
        stop = draw.choice([(), ("ea",), ("S", "and")])
        prompt = prompt_for(draw.choice(["quoted", "verbatim", "trimmed"]), stop)
        end, text, by_piece = AnswerEnd(prompt), "", Choices(prompt, prompt_tokens=1)
        for piece in pieces:
            text += piece
            by_piece.feed(0, piece, 1, None)
            if end.feed(piece):
                break
        assert end.feed("") is by_piece.finished
        reason = None if by_piece.finished else "length"
        if reason:
            by_piece.feed(0, "", 0, "length")
        at_once = Choices(prompt, prompt_tokens=1)
        at_once.feed(0, text, 1, reason or "stop")
        (left,), (right,) = at_once.flush(), by_piece.flush()
        assert (left.text, left.finish_reason) == (right.text, right.finish_reason), text
