"""The seam between the pipeline and the models: what tests swap and deployments provide."""

from collections.abc import AsyncGenerator
from typing import Protocol

from caption_studio.records import CaptionDelta, Description, Picture, Pixels, Prompt


class ImageLoader(Protocol):
    """ImageReference or ImageBytes → Pixels."""

    async def load(self, picture: Picture) -> Pixels:
        """Return the picture at the describer's input size.

        Raises `ImageError` or `InvalidValue` with the picture's `param`, `Overloaded` if too
        many pictures are under way, `NotReady` before the start and after the end.
        """
        ...


class Stage(Protocol):
    """A model behind the pipeline."""

    async def check_ready(self) -> None:
        """Return when the stage can serve; raise `NotReady` when it cannot."""
        ...


class Describer(Stage, Protocol):
    """Pixels → Description."""

    async def describe(self, pixels: Pixels, *, request_id: str) -> Description:
        """Return what is in the picture. Raises `ServiceError`."""
        ...


class Captioner(Stage, Protocol):
    """Prompt → CaptionDelta, in groups."""

    def generate(self, prompt: Prompt, *, stream: bool) -> AsyncGenerator[tuple[CaptionDelta, ...]]:
        """Yield the answer in groups of deltas; in one group unless `stream`.

        Raises `ContextLengthExceeded`, `ModelNotFound` or `ServiceError`. Closing the
        generator aborts the generation.
        """
        ...
