"""The deltas of a picture's captions → the same ones, checked and held to their controls.

Captions that nothing may change pass on as they are written, and are marked at their end. With
controls, or a voice that refuses or replaces, the captions are held until they are whole: then they
are cut to what was asked for, and those that still miss it are written once more.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

from caption_studio.errors import ContentFlagged, ServiceError
from caption_studio.protocols import Guard
from caption_studio.records import (
    CaptionDelta,
    Controls,
    DeltaGroup,
    Description,
    FinishReason,
    Kept,
    Marks,
    Sampling,
    Voice,
)
from caption_studio.voices.asked_again import wants_again
from caption_studio.voices.faithfulness.faithful import contradictions
from caption_studio.voices.keeping.keep import keep
from caption_studio.voices.keeping.keep_json import keep_json

LONG_CHARACTERS = 1000
"""Captions of more characters together, counted once for each word to avoid, go to a thread."""

AGAIN_TEMPERATURE = 0.8
"""At least, for a caption that is written once more: at 0.1 it would be much the same."""

WriteAgain = Callable[[Sampling], AsyncGenerator[DeltaGroup]]
"""Sampling → further captions of the same prompt, whole."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the captions of one request are held to."""

    voice: Voice
    controls: Controls
    description: Description
    sampling: Sampling

    @property
    def refuses_flagged(self) -> bool:
        """Whether a flagged answer is refused; text cannot take the place of JSON."""
        on_flag = self.voice.on_flag
        return on_flag == "refuse" or (on_flag == "replace" and self.sampling.structure is not None)


@dataclass(slots=True)
class _Draft:
    """One choice as the model wrote it."""

    text: str = ""
    completion_tokens: int = 0
    prompt_tokens: int = 0
    finish_reason: FinishReason = "stop"
    queued: bool = False

    def add(self, delta: CaptionDelta) -> None:
        self.text += delta.text
        self.completion_tokens += delta.completion_tokens
        self.prompt_tokens = delta.prompt_tokens
        self.finish_reason = delta.finish_reason or self.finish_reason
        self.queued = delta.queued


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A draft after its controls; `faults` counts what is still wrong with it."""

    draft: _Draft
    kept: Kept
    faithful: bool | None
    wants_again: bool

    @property
    def faults(self) -> int:
        return sum(not held for held in self.kept.held.values()) + (self.faithful is False)


async def marked(
    deltas: AsyncGenerator[DeltaGroup], asked: Asked, guard: Guard
) -> AsyncGenerator[DeltaGroup]:
    """Pass the deltas on; each choice's last one carries its marks."""
    texts: dict[int, str] = {}
    async with aclosing(deltas):
        async for group in deltas:
            for delta in group:
                texts[delta.index] = texts.get(delta.index, "") + delta.text
            ended = [delta.index for delta in group if delta.finish_reason is not None]
            yield await _marked(group, {index: texts[index] for index in ended}, asked, guard)


async def _marked(
    group: DeltaGroup, ended: Mapping[int, str], asked: Asked, guard: Guard
) -> DeltaGroup:
    """Put marks on the deltas that end a choice."""
    if not ended:
        return group
    reasons = await _reasons(list(ended.values()), asked, guard)
    marks = {index: Marks(flagged=flagged) for index, flagged in zip(ended, reasons, strict=True)}
    return tuple(replace(delta, marks=marks.get(delta.index)) for delta in group)


async def held_back(
    deltas: AsyncGenerator[DeltaGroup], asked: Asked, guard: Guard, again: WriteAgain
) -> AsyncGenerator[DeltaGroup]:
    """Yield one group with each choice whole, held to its controls and checked.

    Raises `ContentFlagged` if a guard flags one and the voice refuses such.
    """
    drafts = await _drafts(deltas, asked.sampling.n)
    candidates = [await _candidate(draft, asked) for draft in drafts]
    weak = [index for index, one in enumerate(candidates) if one.wants_again or one.faults]
    if weak:
        with suppress(ServiceError):  # the first captions are usable
            second = await _drafts(again(_second_sampling(asked.sampling, len(weak))), len(weak))
            for index, draft in zip(weak, second, strict=True):
                candidates[index] = _better(candidates[index], await _candidate(draft, asked))
    reasons = await _reasons([one.kept.text for one in candidates], asked, guard)
    if any(reasons) and asked.refuses_flagged:
        error = ContentFlagged("A guard of this service flagged the picture or its caption.")
        error.prompt_tokens = max(one.draft.prompt_tokens for one in candidates)
        error.completion_tokens = sum(one.draft.completion_tokens for one in candidates)
        raise error
    yield tuple(
        _delta(index, one, flagged, asked)
        for index, (one, flagged) in enumerate(zip(candidates, reasons, strict=True))
    )


async def _drafts(deltas: AsyncGenerator[DeltaGroup], number: int) -> list[_Draft]:
    drafts = [_Draft() for _ in range(number)]
    async with aclosing(deltas):
        async for group in deltas:
            for delta in group:
                drafts[delta.index].add(delta)
    return drafts


async def _candidate(draft: _Draft, asked: Asked) -> _Candidate:
    """Hold a draft to its controls; a long one on a thread, so that other requests go on."""
    rounds = asked.sampling.n * (1 + len(asked.controls.avoid))
    if len(draft.text) * rounds > LONG_CHARACTERS:
        return await asyncio.to_thread(_held, draft, asked)
    return _held(draft, asked)


def _held(draft: _Draft, asked: Asked) -> _Candidate:
    description = asked.description.text
    if asked.sampling.structure is not None:
        kept = keep_json(draft.text, asked.controls, description, asked.sampling.structure.schema)
        return _Candidate(draft, kept, None, wants_again=False)
    kept = keep(draft.text, asked.controls, description)
    faithful = None
    if asked.voice.faithful:
        faithful = not contradictions(kept.text, description)
    return _Candidate(draft, kept, faithful, wants_again(kept, asked.controls, draft.text))


def _better(first: _Candidate, second: _Candidate) -> _Candidate:
    """Return the one with fewer faults; both drafts' tokens were generated for it."""
    best = min(first, second, key=lambda one: (one.faults, one.wants_again))
    spent = first.draft.completion_tokens + second.draft.completion_tokens
    return replace(best, draft=replace(best.draft, completion_tokens=spent))


def _second_sampling(sampling: Sampling, number: int) -> Sampling:
    """Return the sampling of further captions: other ones, and the same for the same seed."""
    seed = None if sampling.seed is None else sampling.seed + 1
    temperature = max(sampling.temperature, AGAIN_TEMPERATURE)
    top_p = sampling.top_p if sampling.temperature > 0 else 0.95
    return replace(sampling, n=number, seed=seed, temperature=temperature, top_p=top_p)


async def _reasons(texts: Sequence[str], asked: Asked, guard: Guard) -> list[tuple[str, ...]]:
    """Return the reasons against each caption; those against the picture count for all."""
    picture, *captions = await guard.flagged([asked.description.text, *texts])
    return [tuple(dict.fromkeys((*picture, *reasons))) for reasons in captions]


def _delta(
    index: int, candidate: _Candidate, flagged: tuple[str, ...], asked: Asked
) -> CaptionDelta:
    draft, text = candidate.draft, candidate.kept.text
    if flagged and asked.voice.on_flag == "replace":
        text = asked.voice.replacement
    return CaptionDelta(
        index,
        text,
        draft.completion_tokens,
        draft.prompt_tokens,
        draft.finish_reason,
        queued=draft.queued,
        marks=Marks(candidate.kept.held, flagged, candidate.faithful),
    )
