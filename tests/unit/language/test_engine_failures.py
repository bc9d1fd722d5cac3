"""What fails in the captioner's engine, who hears of it, and that nobody waits for ever."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from caption_studio.errors import CaptionStudioError, EngineDied, EngineFailure, InvalidValue
from caption_studio.records import Adapter, Prompt, Sampling
from caption_studio.settings import LanguageSettings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # vLLM's imports warn
    from vllm.exceptions import VLLMClientError
    from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

    from caption_studio.language.engine import FalconEngine

pytestmark = pytest.mark.anyio

BAD = "A poisonous prompt"
DEADLINE_S = 20.0


class Tokenizer:
    def __init__(self, fails_on: Callable[[str], bool]) -> None:
        self._fails_on = fails_on

    def encode(self, text: str, **_: object) -> list[int]:
        if self._fails_on(text):
            raise RuntimeError("secret: no tokens")
        return [1, 2, 3]


class FakeLLM:
    """Stands for vLLM's AsyncLLM: `fails(text)` raises where the model would run."""

    def __init__(self) -> None:
        self.fails: Callable[[int], Exception | None] = lambda number: None
        self.fails_on: Callable[[str], bool] = lambda text: False
        self.hangs = asyncio.Event()
        self.asked = 0
        self.engine_core = SimpleNamespace(call_utility_async=self.utility)
        self.utility_result: Any = (1, 0, 0.5)
        self.model_config = SimpleNamespace(get_vocab_size=lambda: 1000)

    def get_num_unfinished_requests(self) -> int:
        return 0

    def get_tokenizer(self) -> Tokenizer:
        return Tokenizer(self.fails_on)

    async def utility(self, method: str) -> Any:
        if self.hangs.is_set():
            await asyncio.Event().wait()
        if isinstance(self.utility_result, Exception):
            raise self.utility_result
        return self.utility_result

    async def generate(self, *_: object, **__: object) -> AsyncIterator[Any]:
        self.asked += 1
        error = self.fails(self.asked)
        if error is not None:
            raise error
        if self.hangs.is_set():
            await asyncio.Event().wait()
        piece = SimpleNamespace(
            index=0,
            text="fine",
            token_ids=[7],
            finish_reason="stop",
            stop_reason=None,
            logprobs=None,
        )
        yield SimpleNamespace(outputs=[piece])

    async def add_lora(self, request: object) -> bool:
        error = self.fails(0)
        if error is not None:
            raise error
        return True


@pytest.fixture
def llm() -> FakeLLM:
    return FakeLLM()


@pytest.fixture
def engine(llm: FakeLLM) -> FalconEngine:
    engine = FalconEngine(LanguageSettings(), run_time_adapters=True, stall_s=0.05)
    engine._llm = llm  # type: ignore[assignment]
    return engine


async def ask(engine: FalconEngine, *, stream: bool, adapter: Adapter | None = None) -> str:
    sampling = Sampling(max_tokens=4, temperature=0.0, top_p=1.0)
    prompt = Prompt("id", "falcon", BAD, sampling, "verbatim", adapter=adapter)
    async with asyncio.timeout(DEADLINE_S):
        groups = [group async for group in engine.generate(prompt, stream=stream)]
    return "".join(delta.text for group in groups for delta in group)


ONCE: dict[str, Callable[[FakeLLM, pytest.MonkeyPatch], object]] = {
    "engine": lambda llm, _: setattr(llm, "fails", only_first(EngineGenerateError())),
    "anything": lambda llm, _: setattr(llm, "fails", only_first(KeyError("secret"))),
    "tokenizer": lambda llm, _: setattr(llm, "fails_on", lambda text: text == BAD),
}
ALWAYS: dict[str, Callable[[FakeLLM, pytest.MonkeyPatch], object]] = {
    "engine": lambda llm, _: setattr(llm, "fails", lambda _: EngineGenerateError()),
    "anything": lambda llm, _: setattr(llm, "fails", lambda _: KeyError("secret")),
    "dead": lambda llm, _: setattr(llm, "fails", lambda _: EngineDeadError()),
    "tokenizer": lambda llm, _: setattr(llm, "fails_on", lambda _: True),
    "answer": lambda _, patch: patch.setattr("caption_studio.language.engine.feed", fail),
    "choices": lambda _, patch: patch.setattr("caption_studio.language.engine.Choices", fail),
}


def only_first(error: Exception) -> Callable[[int], Exception | None]:
    return lambda number: error if number == 1 else None


def fail(*_: object, **__: object) -> Any:
    raise RuntimeError("secret")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("place", ONCE)
async def test_a_prompt_that_fails_while_others_do_not_is_its_own_failure(
    engine: FalconEngine, llm: FakeLLM, monkeypatch: pytest.MonkeyPatch, place: str, stream: bool
) -> None:
    ONCE[place](llm, monkeypatch)
    with pytest.raises(EngineFailure) as failure:
        await ask(engine, stream=stream)
    assert "secret" not in failure.value.message


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("place", ALWAYS)
async def test_an_engine_that_answers_no_prompt_is_of_no_more_use(
    engine: FalconEngine, llm: FakeLLM, monkeypatch: pytest.MonkeyPatch, place: str, stream: bool
) -> None:
    ALWAYS[place](llm, monkeypatch)
    with pytest.raises(EngineDied) as failure:
        await ask(engine, stream=stream)
    assert "secret" not in failure.value.message


async def test_what_the_caller_can_mend_asks_for_no_probe(
    engine: FalconEngine, llm: FakeLLM
) -> None:
    llm.fails = lambda _: VLLMClientError("bad")
    with pytest.raises(InvalidValue):
        await ask(engine, stream=False)
    assert llm.asked == 1


async def test_an_engine_that_hangs_is_noticed_by_the_next_sample(
    engine: FalconEngine, llm: FakeLLM
) -> None:
    await engine.sample()
    llm.hangs.set()
    with pytest.raises(EngineDied):
        await engine.sample()


async def test_a_probe_that_hangs_is_not_waited_for(engine: FalconEngine, llm: FakeLLM) -> None:
    llm.hangs.set()
    llm.fails = only_first(EngineGenerateError())
    with pytest.raises(EngineDied):
        await ask(engine, stream=False)


async def test_an_adapter_that_the_engine_cannot_load_is_the_adapters_failure(
    engine: FalconEngine, llm: FakeLLM, tmp_path: Any
) -> None:
    stored = SimpleNamespace(folder=tmp_path, digest="0")

    async def prepare(_: Adapter) -> Any:
        return stored

    engine._adapters._service = SimpleNamespace(prepare=prepare)  # type: ignore[assignment]
    llm.fails = lambda number: RuntimeError("secret") if number == 0 else None
    with pytest.raises(CaptionStudioError) as failure:
        await ask(engine, stream=False, adapter=Adapter("voice", "embedded:caption-demo"))
    assert isinstance(failure.value, EngineFailure)
    assert "secret" not in failure.value.message
    assert await ask(engine, stream=False) == "fine"
