"""One frozen record per arrow of the data flow; nothing here computes.

CaptionRequest ─▶ ImageBytes ─▶ Pixels ─▶ Description ─▶ Prompt ─▶ CaptionDelta…
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A picture as the caller named it: a data URL or an http(s) URL.

    `param` is the field it stood in, for errors about it.
    """

    url: str
    param: str


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """An encoded picture, as it came over the wire. `param` is the field it came from."""

    data: bytes
    param: str


Picture = ImageReference | ImageBytes
"""A picture in a request: a reference, or uploaded with it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, its text parts joined."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str


@dataclass(frozen=True, slots=True)
class Structure:
    """The form that an answer must have: JSON that fits `schema`, a JSON Schema as text.

    `param` is the field it stood in, for errors about it. `fallback` is the schema to use if this
    one cannot be obeyed, None if that is an error.
    """

    schema: str
    param: str
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the caption's tokens are drawn. `max_tokens` None: all the room left in the context."""

    max_tokens: int | None
    temperature: float
    top_p: float
    n: int = 1
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    top_logprobs: int | None = None
    """None: no log probabilities; else those of each token and of this many alternatives."""
    structure: Structure | None = None
    """None: free text; else the answer is JSON, and no token is drawn that would break its form."""
    top_k: int = 0
    """0: all tokens may be drawn."""
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    min_tokens: int = 0
    ignore_eos: bool = False
    """Go on to `max_tokens`: past the end of the text, and past a caption's closing quote."""
    stop_token_ids: tuple[int, ...] = ()
    include_stop: bool = False
    """Whether the answer ends with the stop word, or before it."""


PromptText = str | tuple[int, ...]
"""The text that the model continues, or its tokens' ids."""


@dataclass(frozen=True, slots=True)
class CaptionRequest:
    """A client's request, in our own terms.

    With images it asks for captions, and `turns` steer them. Without, `turns` are the conversation
    to continue (`chat`, `responses`), or `prompts` the texts to continue (`completion`), each in
    `sampling.n` choices. `include_usage` asks for the usage at a stream's end, `usage_in_chunks` in
    each of its chunks. `traceparent` is the trace that the stages belong to, None without tracing.
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

    @property
    def choices(self) -> int:
        """How many choices the answer has."""
        return self.sampling.n * max(1, len(self.prompts))


@dataclass(frozen=True, slots=True)
class Pixels:
    """A decoded picture at the model's input size: uint8 [height_px, width_px, 3], RGB."""

    data: bytes
    height_px: int
    width_px: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """A picture at the model's input size, with the seconds it took.

    `fetch_s` is the wait for a place and the fetch from the URL (0 if the picture came with the
    request), `decode_queue_s` the wait for a worker, and `decode_s` the time to read base64, decode
    and resize.
    """

    pixels: Pixels
    fetch_s: float
    decode_queue_s: float
    decode_s: float


@dataclass(frozen=True, slots=True)
class Description:
    """What the describer saw, in plain English.

    `confidence` is the estimated probability that the text is right: see `vision.sureness`.
    `familiar` says whether the picture is like those that the describer was trained on. None: not
    known.
    """

    text: str
    confidence: float | None = None
    familiar: bool | None = None


CacheResult = Literal["off", "miss", "hit", "shared"]
"""How a description was obtained: `hit` was cached, `shared` was in progress for another."""


@dataclass(frozen=True, slots=True)
class Described:
    """A description with the seconds it took in the describer: waiting, then in the model."""

    description: Description
    queue_s: float
    describe_s: float
    cache: CacheResult = "off"


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter as the operator named it: `id` is what callers put into `model`.

    It holds all that a captioner needs to fetch it. `digest` is that of the checked files (None:
    not checked yet), so that every replica serves the same ones. `any_base` accepts it whatever
    base model it names. `configured` adapters are in the settings; all others were added at run
    time and are subject to stricter rules.
    """

    id: str
    source: str
    revision: str | None = None
    any_base: bool = False
    configured: bool = False
    digest: str | None = None


AnswerForm = Literal["quoted", "trimmed", "verbatim"]
"""How the model's text becomes the answer: see `Prompt`."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Text for the language model, or for `adapter` upon it.

    `model` is the id that the caller named. `answer` tells how the model's text becomes ours:
    `quoted` cuts the caption out of the first pair of double quotes, `trimmed` strips leading white
    space, `verbatim` passes everything on. `stop` ends the answer where the model begins to write
    the prompt's next line; a `quoted` answer only if it has no quotes.
    """

    request_id: str
    model: str
    text: PromptText
    sampling: Sampling
    answer: AnswerForm
    stop: tuple[str, ...] = ()
    adapter: Adapter | None = None
    traceparent: str | None = None


class TokenLogprob(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The natural logarithm of a token's probability.

    The garbage collector leaves these out, because an answer may hold hundreds of thousands.

    `data` are the token's own bytes: one character may be spread over several tokens.
    `text_offset` is how many characters of the answer come before it. A special token
    (`is_special`) has its name as `data`, but is not part of the answer's text.
    """

    data: bytes
    logprob: float
    alternatives: tuple["TokenLogprob", ...] = ()
    text_offset: int = 0
    is_special: bool = False

    @property
    def text(self) -> str:
        """The bytes as text, with replacement characters for incomplete ones."""
        return self.data.decode("utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class CaptionDelta:
    """The next piece of choice `index`.

    `completion_tokens` counts the tokens generated for this piece, `prompt_tokens` those
    of the whole prompt (the same on every delta). `finish_reason` stands on a choice's
    last delta, which may carry no text. `logprobs` are those of the tokens that this
    piece's text comes from, where they were asked for. `queued` says that the engine had no
    free place in its batch when the prompt came (the same on every delta).
    """

    index: int
    text: str
    completion_tokens: int
    prompt_tokens: int
    finish_reason: FinishReason | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    queued: bool = False


DeltaGroup = tuple[CaptionDelta, ...]
"""Deltas that are sent together."""


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Seconds that a request spent in each stage, one after the other; 0 without a picture.

    `fetch_s`, `decode_queue_s` and `decode_s` are those of `Loaded`; `describe_queue_s` and
    `describe_s` are the describer's, `describe_hop_s` is the transport there and back;
    `first_delta_s` is the captioner's time up to its first group, its queue included; `generate_s`
    is the rest of the answer. Several pictures are loaded and described concurrently; the slowest
    counts.
    """

    fetch_s: float = 0.0
    decode_queue_s: float = 0.0
    decode_s: float = 0.0
    describe_queue_s: float = 0.0
    describe_s: float = 0.0
    describe_hop_s: float = 0.0
    first_delta_s: float = 0.0
    generate_s: float = 0.0

    @property
    def worked_s(self) -> float:
        """Return the time in all stages once the pictures have a worker."""
        described_s = self.describe_queue_s + self.describe_s + self.describe_hop_s
        return self.decode_s + described_s + self.first_delta_s + self.generate_s


@dataclass(frozen=True, slots=True)
class Answer:
    """A request in progress: its description, and the caption as it is written.

    Deltas come in groups; `first` has arrived, `rest` may be empty. Close `rest` to stop the
    generation. `lookups` has one result for each picture. `adapter` is the id of the adapter that
    writes, None for the base model. `queued` says that a stage was saturated when this request came
    to it.
    """

    description: Description | None
    first: DeltaGroup
    rest: AsyncGenerator[DeltaGroup]
    times: StageTimes
    lookups: tuple[CacheResult, ...] = ()
    adapter: str | None = None
    queued: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """A histogram: `counts` has one number for each of the upper `bounds`.

    One more counts the values above them all; `total` is the sum of the values.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


@dataclass(frozen=True, slots=True)
class DescriberLoad:
    """The current load of a describer, and the sizes of its batches so far.

    `rows` is the number of pictures being described, `steps` their number per decode step, `joins`
    the number of pictures per pass of the image encoder.
    """

    rows: int
    waiting: int
    steps: Counts
    joins: Counts


@dataclass(frozen=True, slots=True)
class CaptionerLoad:
    """The load of a captioner's engine now; `token_gaps` are seconds between a stream's tokens."""

    running: int
    waiting: int
    kv_cache_ratio: float
    token_gaps: Counts


@dataclass(frozen=True, slots=True)
class KeyUsage:
    """The usage of an API key.

    `requests` were admitted, `refused` ones got a 429 before any work was done. `pictures` were
    captioned. The tokens are the language model's, including those of streams that clients left
    early.
    """

    requests: int = 0
    refused: int = 0
    pictures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "KeyUsage") -> "KeyUsage":
        return KeyUsage(
            self.requests + other.requests,
            self.refused + other.refused,
            self.pictures + other.pictures,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """The usage of each key by its name, or its fingerprint where it has none.

    It is counted since Unix time `since_s`.
    """

    since_s: float
    keys: Mapping[str, KeyUsage]
