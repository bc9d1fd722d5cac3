"""The three stages over fakes, and a flow through them in this process, without Ray."""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack

from caption_studio.offline.captioning import CaptioningStage
from caption_studio.offline.decoding import DecodingStage
from caption_studio.offline.describing import DescribingStage
from caption_studio.offline.messages import Asked, Done, Message, decode, encode
from caption_studio.offline.run import Flow
from caption_studio.offline.stage import StageLoop
from caption_studio.protocols import ImageLoader
from caption_studio.records import (
    Described,
    Description,
    ImageBytes,
    Loaded,
    Picture,
    Pixels,
    RequestClass,
)
from caption_studio.settings import Settings
from tests.fakes import FakeCaptioner

BATCH = 4
MODELS = ("caption-demo",)
Happened = Callable[[str, str], None]
"""What happened, and to which picture or pixels."""


class BytesAsPixels:
    """A loader whose pixels are the picture's bytes."""

    async def load(self, picture: Picture) -> Loaded:
        data = picture.data if isinstance(picture, ImageBytes) else repr(picture).encode()
        return Loaded(Pixels(data, 1, 1), fetch_s=0.0, decode_queue_s=0.0, decode_s=0.0)


def local_flow(
    happened: Happened = lambda *_: None,
    *,
    models: Sequence[str] = MODELS,
    loader: ImageLoader | None = None,
) -> Flow:
    """Return a flow of one batch after the other."""
    settings = Settings()

    async def describe(pixels: Pixels, _: RequestClass) -> Described:
        text = f"a picture of {pixels.data.decode()}"
        happened("described", text)
        return Described(Description(text, 0.5, True), queue_s=0.0, describe_s=0.0)

    def flow(lacking: Sequence[Asked]) -> Generator[Done]:
        stages = (
            DecodingStage(settings, loader or BytesAsPixels()),
            DescribingStage(settings, most=BATCH, describe=describe),
            CaptioningStage(settings, models, FakeCaptioner()),
        )
        with ExitStack() as open_stages:
            loops = [StageLoop(stage) for stage in stages]
            for loop in loops:
                loop.start()
                open_stages.callback(loop.close)
            for start in range(0, len(lacking), BATCH):
                messages: list[Message] = list(lacking[start : start + BATCH])
                for loop in loops:
                    messages = loop.work([decode(encode(message)) for message in messages])
                for message in messages:
                    assert isinstance(message, Done)
                    happened("done", message.picture)
                    yield message

    return flow
