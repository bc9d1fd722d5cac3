"""What the captioner is asked: a prompt, and the adapter that answers it."""

from dataclasses import dataclass
from typing import Literal

from caption_studio.records.request import PromptText, RequestClass
from caption_studio.records.sampling import Sampling


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter as the operator named it: `id` is what callers put into `model`.

    It holds all that a captioner needs to fetch it. `digest` is that of the checked files (None:
    not checked yet), so that every replica serves the same ones. `any_base` accepts it whatever
    base model it names. `description` is for people. `configured` adapters are in the settings; all
    others were added at run time and are subject to stricter rules.
    """

    id: str
    source: str
    revision: str | None = None
    any_base: bool = False
    configured: bool = False
    digest: str | None = None
    description: str = ""


AnswerForm = Literal["quoted", "trimmed", "verbatim"]
"""How the model's text becomes the answer: see `Prompt`."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Text for the language model, or for `adapter` upon it.

    `model` is the id of the voice. `answer` tells how the model's text becomes ours:
    `quoted` cuts the caption out of the first pair of double quotes, `trimmed` strips leading white
    space, `verbatim` passes everything on. `stop` ends the answer where the model begins to write
    the prompt's next line; a `quoted` answer only if it has no quotes. `request_class` is the
    request's.
    """

    request_id: str
    model: str
    text: PromptText
    sampling: Sampling
    answer: AnswerForm
    stop: tuple[str, ...] = ()
    adapter: Adapter | None = None
    traceparent: str | None = None
    request_class: RequestClass = "online"
