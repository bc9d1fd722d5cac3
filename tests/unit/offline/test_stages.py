"""Each stage by itself: what it makes of its message, and what it passes on."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from caption_studio.errors import EngineDied, EngineFailure, ImageParseError, Overloaded
from caption_studio.offline.captioning import CaptioningStage
from caption_studio.offline.decoding import TRIES, DecodingStage
from caption_studio.offline.describing import DescribingStage
from caption_studio.offline.messages import Asked, Decoded, Done, Message, Seen, decode, encode
from caption_studio.offline.stage import Stage, StageLoop
from caption_studio.records import Described, Description, Loaded, Picture, Pixels, RequestClass
from caption_studio.settings import Settings, VoiceSettings
from tests.fakes import PIXEL, FakeCaptioner
from tests.pictures import held_out
from tests.unit.offline.stages import MODELS, BytesAsPixels

ASKED = Asked("a.png", "/pictures/a.png", MODELS)
DECODED = Decoded("a.png", MODELS, b"\x10\x20\x30", 1, 1)
SEEN = Seen("a.png", MODELS, "a red boat", 0.5, False, is_shared=False)
DONE = Done("a.png", ({"picture": "a.png", "model": MODELS[0], "caption": "Sea you"},))


def worked(stage: Stage, message: Message) -> Message:
    async def run() -> Message:
        await stage.start()
        try:
            return await stage.work(message)
        finally:
            stage.close()

    return asyncio.run(run())


class FailingLoader:
    """Raises the failures one after the other, then gives a pixel."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    async def load(self, _: Picture) -> Loaded:
        if self.failures:
            raise self.failures.pop(0)
        return Loaded(PIXEL, fetch_s=0.0, decode_queue_s=0.0, decode_s=0.0)


async def describe(_: Pixels, __: RequestClass) -> Described:
    return Described(Description("a red boat", 0.5, False), queue_s=0.0, describe_s=0.0)


@pytest.mark.parametrize("message", [ASKED, DECODED, SEEN, DONE])
def test_messages_cross_processes(message: Message) -> None:
    assert decode(encode(message)) == message


def test_messages_of_other_stages_are_passed_on() -> None:
    settings = Settings()
    assert worked(DecodingStage(settings, BytesAsPixels()), SEEN) == SEEN
    assert worked(DescribingStage(settings, most=1, describe=describe), DONE) == DONE
    assert worked(CaptioningStage(settings, MODELS, FakeCaptioner()), DONE) == DONE


def test_a_file_becomes_pixels_as_the_service_makes_them(tmp_path: Path) -> None:
    (picture,) = held_out(1)
    path = tmp_path / "a.png"
    path.write_bytes(picture.encoded())
    decoded = worked(DecodingStage(Settings()), Asked("a.png", str(path), MODELS))
    assert isinstance(decoded, Decoded)
    side_px = Settings().vision.image_size_px
    assert (decoded.height_px, decoded.width_px) == (side_px, side_px)
    assert len(decoded.pixels) == side_px**2 * 3


@pytest.fixture
def bucket() -> Iterator[str]:
    files = fsspec.filesystem("memory")
    files.pipe("/boats/a.png", b"boat")
    yield "memory://boats/a.png"
    files.rm("/boats", recursive=True)


def test_an_object_of_a_bucket_is_read(bucket: str) -> None:
    decoded = worked(DecodingStage(Settings(), BytesAsPixels()), Asked(bucket, bucket, MODELS))
    assert isinstance(decoded, Decoded)
    assert decoded.pixels == b"boat"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/nowhere/a.png", "there is no such file"),
        (__file__, "not in a supported format"),
        ("http://127.0.0.1/a.png", "The image URL is not allowed"),
        ("memory://nowhere/a.png", "there is no such object"),
    ],
)
def test_what_cannot_be_read_is_a_row_with_an_error(address: str, says: str) -> None:
    done = worked(DecodingStage(Settings()), Asked("a.png", address, ("one", "two")))
    assert isinstance(done, Done)
    assert [row["model"] for row in done.rows] == ["one", "two"]
    assert done.error is not None
    assert says in done.error


def test_a_known_problem_is_not_tried() -> None:
    done = worked(DecodingStage(Settings()), Asked("a", "/a", MODELS, problem="it is a riddle"))
    assert isinstance(done, Done)
    assert done.error == "it is a riddle"


def test_a_decode_that_finds_no_thread_in_time_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"boat")
    asked = Asked("a.png", str(path), MODELS)

    async def at_once(_: float) -> None:
        return None

    monkeypatch.setattr("caption_studio.offline.decoding.asyncio.sleep", at_once)
    busy = Overloaded("Too many images are being decoded.")
    stage = DecodingStage(Settings(), FailingLoader(*[busy] * (TRIES - 1)))
    assert isinstance(worked(stage, asked), Decoded)
    given_up = worked(DecodingStage(Settings(), FailingLoader(*[busy] * TRIES)), asked)
    assert isinstance(given_up, Done)
    broken = FailingLoader(ImageParseError("The image is truncated."))
    failed = worked(DecodingStage(Settings(), broken), asked)
    assert isinstance(failed, Done)
    assert failed.error == "The image is truncated."


def test_a_description_is_seen() -> None:
    stage = DescribingStage(Settings(), most=1, describe=describe)
    assert worked(stage, DECODED) == SEEN


def test_a_picture_that_the_describer_fails_on_is_a_row_with_an_error() -> None:
    async def fail(_: Pixels, __: RequestClass) -> Described:
        raise EngineFailure("The describer failed on this picture.")

    done = worked(DescribingStage(Settings(), most=1, describe=fail), DECODED)
    assert isinstance(done, Done)
    assert done.error == "The describer failed on this picture."


def test_a_dead_engine_ends_the_stage() -> None:
    async def die(_: Pixels, __: RequestClass) -> Described:
        raise EngineDied("The describer is being replaced.")

    with pytest.raises(EngineDied):
        worked(DescribingStage(Settings(), most=1, describe=die), DECODED)
    captioner = FakeCaptioner(failure=EngineDied("The captioner is being replaced."))
    with pytest.raises(EngineDied):
        worked(CaptioningStage(Settings(), MODELS, captioner), SEEN)


def test_the_row_is_the_services_answer() -> None:
    captioner = FakeCaptioner([' "Sea', " you", ' #boat"'])
    done = worked(CaptioningStage(Settings(), MODELS, captioner), SEEN)
    assert isinstance(done, Done)
    (row,) = done.rows
    assert row == {
        "picture": "a.png",
        "model": "caption-demo",
        "description": "a red boat",
        "confidence": 0.5,
        "familiar": False,
        "caption": "Sea you #boat",
        "hashtags": ["boat"],
        "alt_text": "A red boat.",
        "adapter": "caption-demo",
    }
    (prompt,) = captioner.prompts
    assert "Description: a red boat" in str(prompt.text)
    assert prompt.sampling.max_tokens == Settings().language.caption_max_tokens
    assert (done.tokens_in, done.tokens_out) == (7, 3)


def test_a_voice_of_the_settings_writes_with_its_controls() -> None:
    voice = {"id": "shop", "adapter": "caption-demo", "controls": {"hashtags": 0}}
    settings = Settings(voices=(VoiceSettings.model_validate(voice),))
    captioner = FakeCaptioner([' "Sea', " you", ' #boat"'])
    done = worked(
        CaptioningStage(settings, ("shop",), captioner), Seen("a", ("shop",), "x", 1.0, True, False)
    )
    assert isinstance(done, Done)
    assert done.rows[0]["caption"] == "Sea you"
    assert done.rows[0]["controls"] == {"hashtags": True}


def test_a_caption_that_fails_keeps_its_description() -> None:
    captioner = FakeCaptioner(failure=EngineFailure("The captioner failed on this request."))
    done = worked(CaptioningStage(Settings(), MODELS, captioner), SEEN)
    assert isinstance(done, Done)
    assert done.rows[0]["description"] == "a red boat"
    assert done.error == "The captioner failed on this request."


def test_batches_of_several_threads_meet_in_one_stage() -> None:
    class Meeting:
        """Lets nobody go on until two batches are there."""

        async def start(self) -> None:
            self.here = 0
            self.all_here = asyncio.Event()

        async def work(self, message: Message) -> Message:
            self.here += 1
            if self.here == 4:
                self.all_here.set()
            await self.all_here.wait()
            return message

        def close(self) -> None:
            return None

    loop = StageLoop(Meeting())
    loop.start()
    with ThreadPoolExecutor(2) as threads:
        first, second = (threads.submit(loop.work, [one, one]) for one in (SEEN, DONE))
        assert first.result(10) == [SEEN, SEEN]
        assert second.result(10) == [DONE, DONE]
    loop.close()


def test_a_stage_that_cannot_start_says_so() -> None:
    class Broken:
        async def start(self) -> None:
            raise EngineFailure("no model")

        async def work(self, message: Message) -> Message:
            return message

        def close(self) -> None:
            return None

    loop = StageLoop(Broken())
    with pytest.raises(EngineFailure):
        loop.start()
    loop.close()
