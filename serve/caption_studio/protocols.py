"""The seam between the pipeline and the models: what tests swap and deployments provide."""

from collections.abc import AsyncGenerator
from typing import Protocol

from caption_studio.records import CaptionDelta, Description, ImageReference, Pixels, Prompt


class ImageLoader(Protocol):
    """ImageReference → Pixels."""

    async def load(self, reference: ImageReference) -> Pixels:
        """Return the picture at the describer's input size.

        Raises `ImageError` with the reference's `param`.
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
