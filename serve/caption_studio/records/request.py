"""A client's request in our own terms."""

from dataclasses import dataclass
from typing import Literal

from caption_studio.records.pictures import Picture
from caption_studio.records.sampling import Sampling
from caption_studio.records.voices import NO_CONTROLS, Controls


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, its text parts joined."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str


PromptText = str | tuple[int, ...]
"""The text that the model continues, or its tokens' ids."""

RequestClass = Literal["online", "batch"]
"""Whose request it is: somebody waits for an `online` one, which comes before any of a `batch`."""


@dataclass(frozen=True, slots=True)
class CaptionRequest:
    """A client's request, in our own terms.

    With images it asks for captions, and `turns` steer them. Without, `turns` are the conversation
    to continue (`chat`, `responses`), or `prompts` the texts to continue (`completion`), each in
    `sampling.n` choices. `include_usage` asks for the usage at a stream's end, `usage_in_chunks` in
    each of its chunks. `traceparent` is the trace that the stages belong to, None without tracing.
    `controls` are the wishes for a caption. `defaulted` names the fields of `sampling` that the
    caller left to the voice. `user` tells a caller's users apart, None where the request names
    none. `request_class` decides who comes first where requests wait.
    """

    request_id: str
    endpoint: Literal["chat", "completion", "responses"]
    model: str
    images: tuple[Picture, ...]
    turns: tuple[Turn, ...]
    sampling: Sampling
    stream: bool = False
    include_usage: bool = False
    traceparent: str | None = None
    usage_in_chunks: bool = False
    prompts: tuple[PromptText, ...] = ()
    controls: Controls = NO_CONTROLS
    defaulted: frozenset[str] = frozenset()
    user: str | None = None
    request_class: RequestClass = "online"

    @property
    def choices(self) -> int:
        """How many choices the answer has."""
        return self.sampling.n * max(1, len(self.prompts))
