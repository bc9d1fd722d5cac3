"""The OpenAI dialect as pydantic models: the request fields that are obeyed.

Source: https://platform.openai.com/docs/api-reference/chat and …/completions; the sampling fields
that the official API lacks are vLLM's (0.32). Fields of ours are `image` in completions and
`caption_studio`.
wire.passed_over removes fields that change nothing beforehand. Answers: wire.answers.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, StrictBool, Tag
from pydantic_core import PydanticCustomError

from caption_studio.wire.controls import ControlsBody
from caption_studio.wire.messages import In, Message, Several
from caption_studio.wire.response_format import ResponseFormat

MAX_SEED = 2**63 - 1
MAX_STOP = 4
MAX_LOGIT_BIAS = 300
MAX_STOP_TOKENS = 64
MAX_TOP_K = 2**31 - 1
MAX_USER_CHARS = 1024


def _stop_tag(value: Any) -> str:
    return "@text" if isinstance(value, str) else "@list"


StopWord = Annotated[str, Field(min_length=1, max_length=256)]
Stop = Annotated[
    Annotated[StopWord, Tag("@text")]
    | Annotated[list[StopWord], Tag("@list"), Field(max_length=MAX_STOP)],
    Discriminator(_stop_tag),
]


class StreamOptions(In):
    """The chunks of a stream that carry the usage.

    `include_usage`: in one last chunk with no choices; `continuous_usage_stats`: in every chunk.
    """

    include_usage: StrictBool = False
    continuous_usage_stats: StrictBool = False


def _no_call(choice: Any) -> Any:
    """Accept a choice that forces no tool call: the model always answers in text."""
    mode = choice.get("allowed_tools", choice) if isinstance(choice, dict) else choice
    mode = mode.get("mode") if isinstance(mode, dict) else mode
    if mode not in ("auto", "none"):
        raise PydanticCustomError(
            "not_supported", "must be 'auto' or 'none': this service answers in text"
        )
    return choice


Choice = Annotated[Any, AfterValidator(_no_call)]
Tools = Annotated[list[dict[str, Any]], Field(fail_fast=True)]
TokenId = Annotated[str, Field(pattern=r"^[0-9]{1,9}$")]
TokenNumber = Annotated[int, Field(ge=0, le=10**9)]
Bias = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Penalty = Annotated[float, Field(ge=-2, le=2, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Drawing(In):
    """How an answer is written: the fields that all endpoints have. `caption_studio` is ours."""

    caption_studio: ControlsBody | None = None

    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    top_p: Share | None = None
    stop: Stop | None = None
    seed: Annotated[int, Field(ge=-MAX_SEED, le=MAX_SEED)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: Annotated[dict[TokenId, Bias], Field(max_length=MAX_LOGIT_BIAS)] | None = None
    # vLLM's
    top_k: Annotated[int, Field(ge=-1, le=MAX_TOP_K)] | None = None
    min_p: Share | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=2, allow_inf_nan=False)] | None = None
    min_tokens: Annotated[int, Field(ge=0)] | None = None
    ignore_eos: StrictBool | None = None
    include_stop_str_in_output: StrictBool | None = None
    stop_token_ids: (
        Annotated[list[TokenNumber], Field(max_length=MAX_STOP_TOKENS, fail_fast=True)] | None
    ) = None


class _Generation(Drawing):
    model: str | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    n: Annotated[int, Field(ge=1)] | None = None
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    user: Annotated[str, Field(max_length=MAX_USER_CHARS)] | None = None


class ChatRequest(_Generation):
    """Body of `POST /v1/chat/completions`."""

    messages: Annotated[list[Message], Several]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    tools: Tools | None = None
    tool_choice: Choice | None = None
    functions: Tools | None = None
    function_call: Choice | None = None


def _prompt_tag(value: Any) -> str:
    if not isinstance(value, list):
        return "@text"
    first = value[0] if value else ""
    if isinstance(first, list):
        return "@tokenized"
    return "@tokens" if isinstance(first, int) else "@texts"


Tokens = Annotated[list[TokenNumber], Several]
PromptInput = Annotated[
    Annotated[str, Tag("@text")]
    | Annotated[list[str], Tag("@texts"), Several]
    | Annotated[Tokens, Tag("@tokens")]
    | Annotated[list[Tokens], Tag("@tokenized"), Several],
    Discriminator(_prompt_tag),
]


class CompletionRequest(_Generation):
    """Body of `POST /v1/completions`.

    With `image` (data URL, http(s) URL, or the id of an uploaded file) the answer is a caption and
    `prompt` steers it. Each of several prompts gets n choices, in the order of the prompts.
    """

    prompt: PromptInput = ""
    image: str | None = None
    best_of: Annotated[int, Field(ge=1)] | None = None
    logprobs: Annotated[int, Field(ge=0, le=5)] | None = None
