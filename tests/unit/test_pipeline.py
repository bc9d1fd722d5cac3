import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from caption_studio.errors import (
    ContextLengthExceeded,
    DeadlineExceeded,
    EngineFailure,
    InvalidImageURL,
    InvalidValue,
    ModelNotFound,
    NotReady,
)
from caption_studio.pipeline import CaptionPipeline
from caption_studio.records import (
    Answer,
    CaptionRequest,
    Described,
    Description,
    ImageReference,
    Loaded,
    Picture,
    Pixels,
    PromptText,
    RequestClass,
    StageTimes,
    Structure,
    Turn,
)
from tests.fakes import (
    FakeCaptioner,
    FakeDescriber,
    FakeGuard,
    FakeLoader,
    FakeRegistry,
    FakeStructures,
    FakeVoices,
    sampling,
)

pytestmark = pytest.mark.anyio


def request(images: int = 1, text: str = "", **changes: object) -> CaptionRequest:
    values: dict[str, object] = {
        "request_id": "r",
        "endpoint": "chat",
        "model": "caption-demo",
        "images": tuple(ImageReference(f"u{i}", f"p{i}") for i in range(images)),
        "turns": (Turn("user", text),),
        "sampling": sampling(),
    }
    return CaptionRequest(**{**values, **changes})  # type: ignore[arg-type]


def text_request(*prompts: PromptText, **changes: object) -> CaptionRequest:
    return request(images=0, endpoint="completion", turns=(), prompts=prompts, **changes)


def pipeline_of(
    loader: Any,
    describer: Any,
    captioner: Any,
    describe_timeout_s: float = 5.0,
    structures: FakeStructures | None = None,
) -> CaptionPipeline:
    registry = FakeRegistry()
    return CaptionPipeline(
        loader,
        describer,
        captioner,
        registry,
        structures or FakeStructures(),
        FakeVoices(registry),
        FakeGuard(),
        describe_timeout_s=describe_timeout_s,
    )


class SlowDescriber(FakeDescriber):
    """Takes 10 ms for its second picture, half of them outside itself."""

    async def describe(
        self,
        pixels: Pixels,
        *,
        request_id: str,
        traceparent: str | None,
        request_class: RequestClass,
    ) -> Described:
        self.calls += 1
        if self.calls == 1:
            return Described(Description("first"), 0.001, 0.001)
        await asyncio.sleep(0.01)
        return Described(Description("second"), 0.002, 0.003)


class StuckDescriber(FakeDescriber):
    """Never answers, and notes that it was left."""

    left = False

    async def describe(
        self,
        pixels: Pixels,
        *,
        request_id: str,
        traceparent: str | None,
        request_class: RequestClass,
    ) -> Described:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.left = True
            raise
        raise AssertionError


class BusyLoader(FakeLoader):
    """Has its picture wait for a worker."""

    def __init__(self, *decode_queue_s: float) -> None:
        super().__init__()
        self.decode_queue_s = list(decode_queue_s)

    async def load(self, picture: Picture) -> Loaded:
        return replace(await super().load(picture), decode_queue_s=self.decode_queue_s.pop(0))


class TimeoutLoader(FakeLoader):
    async def load(self, picture: Any) -> Any:
        raise TimeoutError("of somebody else")


async def text_of(answer: Answer) -> str:
    groups = [answer.first, *[group async for group in answer.rest]]
    return "".join(delta.text for group in groups for delta in group)


async def test_a_picture_is_described_and_its_description_captioned() -> None:
    captioner = FakeCaptioner()
    answer = await pipeline_of(FakeLoader(), FakeDescriber(), captioner).answer(request())
    assert answer.description is not None
    assert answer.description.text == "a red boat"
    assert await text_of(answer) == "Sea you"
    (prompt,) = captioner.prompts
    assert "Description: a red boat\n" in prompt.text
    assert (prompt.answer, prompt.model, prompt.request_id) == ("quoted", "caption-demo", "r")


async def test_the_stage_times_are_those_of_the_slowest_picture_and_follow_one_another() -> None:
    describer = SlowDescriber()
    started_s = time.monotonic()
    answer = await pipeline_of(FakeLoader(), describer, FakeCaptioner()).answer(request(images=2))
    total_s = time.monotonic() - started_s
    times = answer.times
    assert (times.fetch_s, times.decode_s) == (0.25, 0.5)
    assert (times.describe_queue_s, times.describe_s) == (0.002, 0.003)
    assert times.describe_hop_s > 0
    described_s = times.describe_queue_s + times.describe_s + times.describe_hop_s
    assert 0.01 <= described_s <= described_s + times.first_delta_s <= total_s


@pytest.mark.parametrize(("decode_queue_s", "is_queued"), [(0.2, False), (30.0, True)])
async def test_a_wait_for_a_decode_that_is_most_of_the_time_is_a_queue(
    decode_queue_s: float, is_queued: bool
) -> None:
    pipeline = pipeline_of(BusyLoader(decode_queue_s), FakeDescriber(), FakeCaptioner())
    answer = await pipeline.answer(request())
    assert answer.times.decode_queue_s == decode_queue_s
    assert answer.queued is is_queued


async def test_a_picture_that_waited_for_its_own_callers_others_is_in_no_queue() -> None:
    pipeline = pipeline_of(BusyLoader(0.0, 30.0), FakeDescriber(), FakeCaptioner())
    answer = await pipeline.answer(request(images=2))
    assert answer.times.decode_queue_s == 30.0
    assert not answer.queued


async def test_text_alone_has_no_times_of_pictures() -> None:
    pipeline = pipeline_of(FakeLoader(), FakeDescriber(), FakeCaptioner())
    answer = await pipeline.answer(request(images=0, text="hello"))
    assert answer.times == StageTimes(first_delta_s=answer.times.first_delta_s)


async def test_the_prompt_brings_the_adapter_that_its_model_is() -> None:
    captioner = FakeCaptioner()
    pipeline = pipeline_of(FakeLoader(), FakeDescriber(), captioner)
    await pipeline.answer(request())
    await pipeline.answer(request(model="falcon-demo"))
    adapter, base = (prompt.adapter for prompt in captioner.prompts)
    assert adapter is not None
    assert (adapter.id, adapter.source) == ("caption-demo", "embedded:caption-demo")
    assert base is None


async def test_an_unknown_model_fails_before_a_picture_is_fetched() -> None:
    loader = FakeLoader()
    with pytest.raises(ModelNotFound) as refused:
        await pipeline_of(loader, FakeDescriber(), FakeCaptioner()).answer(request(model="../../x"))
    assert refused.value.param == "model"
    assert loader.loaded == []


async def test_each_of_several_pictures_is_described() -> None:
    describer, captioner = FakeDescriber(), FakeCaptioner()
    answer = await pipeline_of(FakeLoader(), describer, captioner).answer(request(images=3))
    assert describer.calls == 3
    assert answer.description is not None
    assert answer.description.text == "a red boat; a red boat; a red boat"


async def test_n_choices_take_one_description() -> None:
    describer = FakeDescriber()
    pipeline = pipeline_of(FakeLoader(), describer, FakeCaptioner())
    answer = await pipeline.answer(request(sampling=sampling(n=3)))
    assert describer.calls == 1
    assert {delta.index for delta in answer.first} == {0, 1, 2}


async def test_text_without_a_picture_is_continued_as_it_is() -> None:
    describer, captioner = FakeDescriber(), FakeCaptioner()
    pipeline = pipeline_of(FakeLoader(), describer, captioner)
    answer = await pipeline.answer(text_request('Say "hi"\n'))
    assert answer.description is None
    assert describer.calls == 0
    assert captioner.prompts[0].text == 'Say "hi"\n'
    assert await text_of(answer) == ' "Sea you" and on'


async def test_a_conversation_without_pictures_stops_where_the_user_would_speak() -> None:
    captioner = FakeCaptioner()
    await pipeline_of(FakeLoader(), FakeDescriber(), captioner).answer(request(images=0, text="hi"))
    assert captioner.prompts[0].text == "User: hi\nAssistant:"
    assert "\nUser:" in captioner.prompts[0].stop


async def test_a_bad_picture_fails_before_anything_is_captioned() -> None:
    captioner = FakeCaptioner()
    loader = FakeLoader(InvalidImageURL("no", param="p0"))
    with pytest.raises(InvalidImageURL):
        await pipeline_of(loader, FakeDescriber(), captioner).answer(request(images=2))
    assert captioner.prompts == []


async def test_a_captioner_that_fails_at_once_fails_before_the_answer() -> None:
    captioner = FakeCaptioner(failure=EngineFailure("no"))
    with pytest.raises(EngineFailure):
        await pipeline_of(FakeLoader(), FakeDescriber(), captioner).answer(request())
    with pytest.raises(EngineFailure):
        await pipeline_of(FakeLoader(), FakeDescriber(), FakeCaptioner(())).answer(request())


@pytest.mark.parametrize(("endpoint", "param"), [("chat", "messages"), ("completion", "prompt")])
async def test_a_prompt_that_is_too_long_names_the_field_it_came_from(
    endpoint: str, param: str
) -> None:
    captioner = FakeCaptioner(failure=ContextLengthExceeded("too long"))
    pipeline = pipeline_of(FakeLoader(), FakeDescriber(), captioner)
    with pytest.raises(ContextLengthExceeded) as refused:
        await pipeline.answer(request(images=0, endpoint=endpoint, prompts=("a",)))
    assert refused.value.param == param


async def test_closing_the_rest_stops_the_generation() -> None:
    captioner = FakeCaptioner()
    pipeline = pipeline_of(FakeLoader(), FakeDescriber(), captioner)
    answer = await pipeline.answer(request(stream=True))
    assert captioner.closed == 0
    await answer.rest.aclose()
    assert captioner.closed == 1


async def test_it_is_ready_when_both_stages_are() -> None:
    await pipeline_of(FakeLoader(), FakeDescriber(), FakeCaptioner()).check_ready()
    down = FakeDescriber(failure=NotReady("starting"), ready=False)
    with pytest.raises(NotReady):
        await pipeline_of(FakeLoader(), down, FakeCaptioner()).check_ready()


async def test_a_picture_is_given_up_while_there_is_time_to_say_so() -> None:
    describer, captioner = StuckDescriber(), FakeCaptioner()
    with pytest.raises(DeadlineExceeded):
        await pipeline_of(FakeLoader(), describer, captioner, 0.01).answer(request())
    assert describer.left
    assert captioner.prompts == []


async def test_a_text_has_no_picture_to_wait_for() -> None:
    pipeline = pipeline_of(FakeLoader(), StuckDescriber(), FakeCaptioner(), 1e-9)
    assert await text_of(await pipeline.answer(request(images=0, text="hello")))


async def test_another_timeout_is_not_taken_for_the_deadline() -> None:
    with pytest.raises(TimeoutError, match="of somebody else"):
        await pipeline_of(TimeoutLoader(), FakeDescriber(), FakeCaptioner()).answer(request())


STRUCTURE = Structure('{"type":"object"}', "response_format")


async def test_a_structured_answer_is_checked_first_and_taken_as_it_is() -> None:
    captioner, structures = FakeCaptioner(['{"a":', ' "b"}']), FakeStructures()
    pipeline = pipeline_of(FakeLoader(), FakeDescriber(), captioner, structures=structures)
    answer = await pipeline.answer(request(sampling=sampling(structure=STRUCTURE)))
    assert await text_of(answer) == '{"a": "b"}'
    assert structures.checked == [STRUCTURE]
    (prompt,) = captioner.prompts
    assert prompt.answer == "verbatim"
    assert "Description: a red boat" in prompt.text
    assert answer.adapter == "caption-demo"


async def test_a_form_that_cannot_be_had_is_refused_before_any_picture_is_loaded() -> None:
    loader, structures = FakeLoader(), FakeStructures(InvalidValue("no", param="p"))
    pipeline = pipeline_of(loader, FakeDescriber(), FakeCaptioner(), structures=structures)
    with pytest.raises(InvalidValue):
        await pipeline.answer(request(sampling=sampling(structure=STRUCTURE)))
    assert loader.loaded == []


async def test_a_form_that_was_only_guessed_gives_way_to_its_fallback() -> None:
    captioner, structures = FakeCaptioner(["{}"]), FakeStructures(InvalidValue("no"))
    pipeline = pipeline_of(FakeLoader(), FakeDescriber(), captioner, structures=structures)
    guessed = Structure('{"not":{}}', "response_format", fallback='{"type":"object"}')
    await pipeline.answer(request(sampling=sampling(structure=guessed)))
    assert captioner.prompts[0].sampling.structure == STRUCTURE


async def test_several_prompts_are_answered_at_once_with_choices_numbered_on() -> None:
    captioner = FakeCaptioner()
    pipeline = pipeline_of(FakeLoader(), FakeDescriber(), captioner)
    asked = text_request("a", (1, 2), "c", sampling=sampling(n=2))
    answer = await pipeline.answer(asked)
    groups = [answer.first, *[group async for group in answer.rest]]
    assert sorted(delta.index for group in groups for delta in group) == [0, 1, 2, 3, 4, 5]
    assert [prompt.text for prompt in captioner.prompts] == ["a", (1, 2), "c"]
    assert len({prompt.request_id for prompt in captioner.prompts}) == 3
    assert captioner.closed == 3


async def test_one_of_several_prompts_that_fails_ends_them_all() -> None:
    captioner = FakeCaptioner(failure=EngineFailure("broken"))
    pipeline = pipeline_of(FakeLoader(), FakeDescriber(), captioner)
    with pytest.raises(EngineFailure):
        await pipeline.answer(text_request("a", "b"))
    assert captioner.closed == 2


async def test_closing_the_answer_to_several_prompts_closes_each() -> None:
    captioner = FakeCaptioner()
    pipeline = pipeline_of(FakeLoader(), FakeDescriber(), captioner)
    answer = await pipeline.answer(text_request("a", "b", stream=True))
    await answer.rest.aclose()
    assert captioner.closed == 2


async def test_ignoring_the_end_of_text_ignores_the_end_of_a_caption() -> None:
    captioner = FakeCaptioner()
    pipeline = pipeline_of(FakeLoader(), FakeDescriber(), captioner)
    await pipeline.answer(request(sampling=sampling(ignore_eos=True)))
    assert (captioner.prompts[0].answer, captioner.prompts[0].stop) == ("verbatim", ())
