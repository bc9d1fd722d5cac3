"""What one request contains."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from benchmarks.scenario.part import Part, Positive, Share
from benchmarks.scenario.prompts import PromptKind, ShareGPT


class PictureKind(Part):
    """One size and format; `weight` is its share, relative to the other kinds."""

    width_px: int = Field(512, ge=1, le=8192)
    height_px: int = Field(384, ge=1, le=8192)
    format: Literal["jpeg", "png", "webp"] = "jpeg"
    weight: Positive = 1.0


class Pictures(Part):
    """The pictures that requests carry.

    `unique_share` of the requests carry a picture that no other request of the whole run has;
    the others draw from `pool` pictures. At most `max_unique` are painted a round. Further requests
    repeat them, and the report says how many were really different.
    """

    kinds: tuple[PictureKind, ...] = Field((PictureKind(),), min_length=1)
    unique_share: Share = 1.0
    pool: int = Field(16, ge=1, le=1000)
    max_unique: int = Field(1000, ge=1, le=20000)
    per_request: int = Field(1, ge=1, le=16)


class Text(Part):
    """A text of `min_words` to `max_words` random words, between two fixed pieces.

    Each request has its own words, so that no prompt cache helps.
    """

    min_words: int = Field(8, ge=1, le=20000)
    max_words: int = Field(12, ge=1, le=20000)
    before: str = ""
    after: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError("min_words is above max_words")
        return self


class ModelShare(Part):
    """A model or adapter; `name` null leaves the service's default."""

    name: str | None = None
    weight: Positive = 1.0


class Requests(Part):
    """The contents of one request. `body` is merged into each body as it is.

    `prompts` exclude pictures and text. If they set the length of answers, each request has it as
    its `max_tokens`, with `ignore_eos`, so that its answer has exactly that length.
    """

    endpoint: Literal["chat", "completions"] = "chat"
    pictures: Pictures | None = None
    text: Text | None = None
    prompts: Annotated[PromptKind, Field(discriminator="kind")] | None = None
    models: tuple[ModelShare, ...] = Field((ModelShare(),), min_length=1)
    streamed_share: Share = 0.0
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0)
    n: int = Field(1, ge=1, le=128)
    stage_times: bool = True
    body: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if self.prompts is not None:
            self._prompts_stand_alone()
        elif self.pictures is None and self.text is None:
            raise ValueError("a request needs pictures, text or both, or prompts")
        if self.pictures and self.endpoint == "completions" and self.pictures.per_request != 1:
            raise ValueError("completions takes one picture a request")
        return self

    def _prompts_stand_alone(self) -> None:
        if self.pictures is not None or self.text is not None:
            raise ValueError("prompts stand alone, without pictures and text")
        if not isinstance(self.prompts, ShareGPT) and self.endpoint != "completions":
            raise ValueError("token ids are taken by the endpoint completions only")
