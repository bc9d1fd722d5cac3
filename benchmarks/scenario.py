"""A scenario's YAML as strict models: its requests, their load, and limits of a good answer.

Names contain the units. A misspelt field is refused by name.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
SCENARIOS = Path(__file__).with_name("scenarios")


class Part(BaseModel):
    """The base of all parts: unknown fields are refused, and instances are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class TokenRange(Part):
    """A uniformly distributed number of tokens, from `min` to `max`."""

    min: int = Field(ge=1, le=1_000_000)
    max: int = Field(ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError("min is above max")
        return self


class TokenIds(Part):
    """The range of ids in prompts: from `first` on, below `end`.

    The model must have all of them, and none of them should be a special token.
    """

    first: int = Field(100, ge=0)
    end: int = Field(500, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first >= self.end:
            raise ValueError("first is not below end")
        return self


class ExactTokens(Part):
    """Prompts as token ids, answers of a given length."""

    ids: TokenIds = TokenIds()

    @property
    def has_output_tokens(self) -> bool:
        """Say that each answer's length is given."""
        return True


class RandomTokens(ExactTokens):
    """Prompts of random token ids, and answers, each of an exact number of tokens."""

    kind: Literal["random"] = "random"
    input_tokens: TokenRange
    output_tokens: TokenRange


class TraceTokens(ExactTokens):
    """The lengths and the shared prefixes of a recorded trace: see `workload.traces`.

    With `load: {kind: replay}` of the same file, each request has its recorded length at its
    recorded time. Lengths are multiplied by `scale`, and are at least one token.
    """

    kind: Literal["trace"] = "trace"
    trace: Path
    scale: Positive = 1.0


class ShareGPT(Part):
    """First turns of conversations in a JSON file of ShareGPT's form.

    With a `tokenizer` (a `tokenizer.json`) each answer has as many tokens as the recorded one, and
    conversations beyond the limits are left out. Without one, the model decides when to end.
    """

    kind: Literal["sharegpt"] = "sharegpt"
    file: Path
    tokenizer: Path | None = None
    max_input_tokens: int = Field(1024, ge=1)
    max_output_tokens: int = Field(1024, ge=1)

    @property
    def has_output_tokens(self) -> bool:
        """Say whether each answer's length is given."""
        return self.tokenizer is not None

    def fits(self, input_tokens: int, output_tokens: int) -> bool:
        """Return whether neither turn of a conversation is empty or beyond the limits."""
        return 1 <= input_tokens <= self.max_input_tokens and (
            1 <= output_tokens <= self.max_output_tokens
        )


PromptKind = RandomTokens | TraceTokens | ShareGPT


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
    body: dict[str, Any] = {}

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


class Closed(Part):
    """A closed loop of callers, each of which waits for its answer before it asks again."""

    kind: Literal["closed"] = "closed"
    concurrency: int = Field(8, ge=1, le=4096)


class Constant(Part):
    """An open loop of requests at even intervals."""

    kind: Literal["constant"] = "constant"
    rate_per_s: Positive


class Poisson(Part):
    """An open loop of independent callers."""

    kind: Literal["poisson"] = "poisson"
    rate_per_s: Positive


class Gamma(Part):
    """Requests in bursts: `gap_cv` 1 is Poisson, more is burstier."""

    kind: Literal["gamma"] = "gamma"
    rate_per_s: Positive
    gap_cv: Positive


class Ramp(Part):
    """Poisson requests whose rate changes linearly over the measured time."""

    kind: Literal["ramp"] = "ramp"
    from_per_s: Positive
    to_per_s: Positive


class Replay(Part):
    """Send times from a file, whose forms `workload.traces` names.

    A relative path starts at the YAML's folder.
    """

    kind: Literal["replay"] = "replay"
    trace: Path
    speed: Positive = 1.0


Open = Constant | Poisson | Gamma | Ramp | Replay
Load = Annotated[Closed | Open, Field(discriminator="kind")]


class Limits(Part):
    """The limits that a good answer keeps; a null limit does not apply."""

    e2e_s: Positive | None = None
    ttft_s: Positive | None = None
    itl_s: Positive | None = None


class CallerSweep(Part):
    """Closed loops, one after the other, each with its number of callers."""

    kind: Literal["callers"] = "callers"
    callers: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(min_length=1)


class RateSweep(Part):
    """Poisson rates from `from_per_s` on, each `factor` times the last, until goodput breaks.

    It breaks when less than `min_good_share` of the requests are good. Then `refine` steps halve
    the distance between the last rate that held and the first that did not. The rate that they find
    must hold for `sustain_s`, and in the last third of that by itself; else 5 % less is tried. The
    reason: a short window can end before a queue has grown.
    """

    kind: Literal["rate"] = "rate"
    from_per_s: Positive
    factor: float = Field(1.5, gt=1.0, le=10.0)
    max_per_s: Positive
    min_good_share: Share = 0.95
    refine: int = Field(2, ge=0, le=8)
    sustain_s: float = Field(60.0, gt=0, le=3600)


Sweep = Annotated[CallerSweep | RateSweep, Field(discriminator="kind")]


class Scenario(Part):
    """A whole run. Each repeat: a warm-up of `warmup_s`, then `duration_s` that are measured.

    A sweep repeats all of it with its own loads.
    """

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    about: str = ""
    requests: Requests
    load: Load = Closed()
    sweep: Sweep | None = None
    limits: Limits = Limits()
    warmup_s: float = Field(5.0, ge=0, le=3600)
    duration_s: float = Field(20.0, gt=0, le=3600)
    repeats: int = Field(1, ge=1, le=100)
    max_requests: int = Field(20000, ge=1, le=1_000_000)
    max_in_flight: int = Field(1024, ge=1, le=16384)
    timeout_s: Positive = 60.0
    processes: int = Field(1, ge=1, le=64)
    seed: int = Field(1, ge=0)

    @model_validator(mode="after")
    def _sweep_can_break(self) -> Self:
        if isinstance(self.sweep, RateSweep) and self.limits == Limits():
            raise ValueError("a sweep of rates needs limits: without them all answers are good")
        return self


def read_scenario(name_or_path: str) -> Scenario:
    """Read a YAML file, or one of ours by its name.

    Raises:
        ValueError: It is no scenario (this includes pydantic's `ValidationError`) or no YAML.
        OSError: It cannot be read.
    """
    shipped = SCENARIOS / f"{name_or_path}.yaml"
    path = shipped if shipped.is_file() else Path(name_or_path)
    try:
        value = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not YAML: {error}") from error
    scenario = Scenario.model_validate(value)
    return _beside(path.parent, scenario)


def _beside(folder: Path, scenario: Scenario) -> Scenario:
    """Return the scenario with its files' relative paths resolved against the folder."""
    load, requests, prompts = scenario.load, scenario.requests, scenario.requests.prompts
    if isinstance(load, Replay):
        load = load.model_copy(update={"trace": folder / load.trace})
    if isinstance(prompts, TraceTokens):
        prompts = prompts.model_copy(update={"trace": folder / prompts.trace})
    if isinstance(prompts, ShareGPT):
        tokenizer = None if prompts.tokenizer is None else folder / prompts.tokenizer
        files = {"file": folder / prompts.file, "tokenizer": tokenizer}
        prompts = prompts.model_copy(update=files)
    requests = requests.model_copy(update={"prompts": prompts})
    return scenario.model_copy(update={"load": load, "requests": requests})
