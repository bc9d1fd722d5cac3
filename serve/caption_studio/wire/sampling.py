"""Sampling fields of a request → Sampling, with the defaults for the kind of answer."""

from dataclasses import dataclass

from caption_studio.errors import AboveMaximum, InvalidValue
from caption_studio.records import Sampling, Structure
from caption_studio.settings import Settings
from caption_studio.wire.schema import Drawing


@dataclass(frozen=True, slots=True)
class Wanted:
    """What decides the sampling besides the fields of `Drawing`.

    `max_tokens` is the caller's, None if the caller gave none.
    """

    has_images: bool
    max_tokens: int | None
    structure: Structure | None
    top_logprobs: int | None
    n: int = 1


def sampling_of(request: Drawing, wanted: Wanted, settings: Settings) -> Sampling:
    """Return the sampling of the answer's tokens. Raises `RequestError`."""
    if wanted.n > settings.gateway.max_n:
        raise AboveMaximum(f"n may be at most {settings.gateway.max_n}.", param="n")
    if wanted.structure is not None:
        _refuse_lengthening(request)
    max_tokens = _max_tokens(request, wanted, settings)
    temperature, top_p = _temperature_and_top_p(request, wanted.has_images, settings)
    stop = request.stop or []
    return Sampling(
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        n=wanted.n,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=request.seed,
        presence_penalty=request.presence_penalty or 0.0,
        frequency_penalty=request.frequency_penalty or 0.0,
        logit_bias=tuple((int(id_), bias) for id_, bias in (request.logit_bias or {}).items()),
        top_logprobs=wanted.top_logprobs,
        structure=wanted.structure,
        top_k=max(0, request.top_k or 0),
        min_p=request.min_p or 0.0,
        repetition_penalty=request.repetition_penalty or 1.0,
        min_tokens=request.min_tokens or 0,
        ignore_eos=bool(request.ignore_eos),
        stop_token_ids=tuple(request.stop_token_ids or ()),
        include_stop=bool(request.include_stop_str_in_output),
    )


def defaulted(
    request: Drawing, max_tokens: int | None, structure: Structure | None
) -> frozenset[str]:
    """Return the fields of a sampling that a caption's voice may still choose."""
    given = {
        "temperature": 0 if request.top_p == 0 else request.temperature,
        "top_p": request.top_p,
        "max_tokens": max_tokens if structure is None else 0,
    }
    return frozenset(name for name, value in given.items() if value is None)


def _refuse_lengthening(request: Drawing) -> None:
    """Refuse fields that would make the model write on after the end of its JSON."""
    for name in ("min_tokens", "ignore_eos"):
        if getattr(request, name):
            raise InvalidValue(
                f"{name} cannot be used with structured output: JSON ends where it is complete.",
                param=name,
            )


def _max_tokens(request: Drawing, wanted: Wanted, settings: Settings) -> int | None:
    """Return the limit of an answer's tokens; None means the room left."""
    least = request.min_tokens or 0
    if wanted.max_tokens is None:
        default = _default_max_tokens(wanted, settings)
        return None if default is None else max(default, least)
    if least > wanted.max_tokens:
        raise InvalidValue("min_tokens may be at most the longest answer.", param="min_tokens")
    return wanted.max_tokens


def _default_max_tokens(wanted: Wanted, settings: Settings) -> int | None:
    if wanted.structure is not None:
        return settings.language.structured_max_tokens
    return settings.language.caption_max_tokens if wanted.has_images else None


def _temperature_and_top_p(
    request: Drawing, has_images: bool, settings: Settings
) -> tuple[float, float]:
    """Return both; a top_p of 0 keeps only the likeliest token, which is the greedy answer."""
    language = settings.language
    temperature, top_p = (
        (language.caption_temperature, language.caption_top_p) if has_images else (1.0, 1.0)
    )
    temperature = temperature if request.temperature is None else request.temperature
    top_p = top_p if request.top_p is None else request.top_p
    return (temperature, top_p) if top_p > 0 else (0.0, 1.0)
