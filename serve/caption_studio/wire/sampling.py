"""Sampling fields of a request → Sampling, with the defaults for the kind of answer."""

from caption_studio.errors import AboveMaximum, InvalidValue
from caption_studio.records import Sampling, Structure
from caption_studio.settings import Settings
from caption_studio.wire.schema import Drawing


def sampling_of(
    request: Drawing,
    has_images: bool,
    max_tokens: int | None,
    structure: Structure | None,
    settings: Settings,
    *,
    n: int = 1,
    top_logprobs: int | None,
) -> Sampling:
    """Return the sampling of the answer's tokens. Raises `RequestError`.

    `max_tokens` is the caller's, None if the caller gave none.
    """
    if n > settings.gateway.max_n:
        raise AboveMaximum(f"n may be at most {settings.gateway.max_n}.", param="n")
    if structure is not None:
        _refuse_lengthening(request)
    least = request.min_tokens or 0
    if max_tokens is not None and least > max_tokens:
        raise InvalidValue("min_tokens may be at most the longest answer.", param="min_tokens")
    if max_tokens is None:
        default = default_max_tokens(has_images, structure, settings)
        max_tokens = None if default is None else max(default, least)
    temperature, top_p = _temperature_and_top_p(request, has_images, settings)
    stop = request.stop or []
    return Sampling(
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        n=n,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=request.seed,
        presence_penalty=request.presence_penalty or 0.0,
        frequency_penalty=request.frequency_penalty or 0.0,
        logit_bias=tuple((int(id_), bias) for id_, bias in (request.logit_bias or {}).items()),
        top_logprobs=top_logprobs,
        structure=structure,
        top_k=max(0, request.top_k or 0),
        min_p=request.min_p or 0.0,
        repetition_penalty=request.repetition_penalty or 1.0,
        min_tokens=least,
        ignore_eos=bool(request.ignore_eos),
        stop_token_ids=tuple(request.stop_token_ids or ()),
        include_stop=bool(request.include_stop_str_in_output),
    )


def defaulted(
    request: Drawing, max_tokens: int | None, structure: Structure | None
) -> frozenset[str]:
    """Return the fields of a sampling that a caption's voice may still choose."""
    given = {
        "temperature": request.temperature,
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


def default_max_tokens(
    has_images: bool, structure: Structure | None, settings: Settings
) -> int | None:
    """Return the default limit of an answer's tokens; None means the room left."""
    if structure is not None:
        return settings.language.structured_max_tokens
    return settings.language.caption_max_tokens if has_images else None


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
