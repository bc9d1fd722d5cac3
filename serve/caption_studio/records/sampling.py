"""How an answer's tokens are drawn, and the form that the answer must have."""

from dataclasses import dataclass


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
