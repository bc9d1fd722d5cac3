"""Answer → OpenAI JSON, whole or as server-sent events; errors → the error body.

Chunk order is the official one: for each choice its role, then its text, then its `finish_reason`.
The chunk that ends the last choice carries the caption's parts. Then come, if asked for, our stage
times and the usage, each in a chunk without choices; then `[DONE]`.
"""

from collections.abc import AsyncIterator, Sequence

import msgspec
from pydantic import BaseModel

from caption_studio.errors import CaptionStudioError
from caption_studio.records import Alias, Answer, CaptionRequest, TokenLogprob, Voice
from caption_studio.wire.answers import CaptionStudio, Model, ModelList, Usage
from caption_studio.wire.dialects import ChatDialect, CompletionDialect, Dialect
from caption_studio.wire.error_body import error_body
from caption_studio.wire.rendering import Counted

DONE = b"data: [DONE]\n\n"


class Rendering(Counted):
    """One answer in the dialect of its endpoint; see `Counted`.

    In a stream the stages' times are a chunk of their own before the end.
    """

    def __init__(
        self, request: CaptionRequest, answer: Answer, *, show_times: bool = False
    ) -> None:
        super().__init__(request, answer, show_times=show_times)
        dialect = ChatDialect if request.endpoint == "chat" else CompletionDialect
        top_logprobs = request.sampling.top_logprobs
        self._wants_logprobs = top_logprobs is not None
        self._dialect: Dialect = dialect(top_logprobs or 0)

    async def whole(self) -> bytes:
        """Return the JSON body. Raises `CaptionStudioError`."""
        async for _ in self.deltas():
            pass
        choices = [(self._dialect.whole_choice(choice), choice.logprobs) for choice in self.choices]
        about = self.about(description=True, parts=True, times=self.show_times)
        return await self._body(self._dialect.whole, choices, usage=self.usage, about=about)

    async def events(self) -> AsyncIterator[bytes]:
        """Yield server-sent events. A failure yields an error event and ends the stream."""
        about = self.about(description=True)
        kind = self._dialect.chunk
        try:
            async for delta in self.deltas():
                choices = self._dialect.chunk_choices(delta)
                for place, (choice, has_logprobs) in enumerate(choices, start=1):
                    if place == len(choices) and not self.unfinished:
                        about = self.about(description=about is not None, parts=True)
                    usage = self.usage if self.request.usage_in_chunks else None
                    shown = [(choice, delta.logprobs if has_logprobs else None)]
                    yield _event(await self._body(kind, shown, usage=usage, about=about))
                    about = None
            if self.show_times:
                yield _event(await self._body(kind, [], about=self.about(times=True)))
            if self.request.include_usage:
                yield _event(await self._body(kind, [], usage=self.usage))
            yield DONE
        except CaptionStudioError as error:
            self.failure = error
            yield error_event(error)

    async def _body(
        self,
        kind: type[BaseModel],
        choices: Sequence[tuple[BaseModel, Sequence[TokenLogprob] | None]],
        *,
        usage: Usage | None = None,
        about: CaptionStudio | None = None,
    ) -> bytes:
        """Return one JSON object of these choices, each with its log probabilities, if any.

        `usage` stays out of chunks unless it was asked for.
        """
        body = kind(
            id=f"{self._dialect.id_prefix}-{self.request.request_id}",
            created=self.created,
            model=self.model,
            choices=[choice for choice, _ in choices],
            usage=usage,
            caption_studio=about,
        )
        absent = {"caption_studio"} if about is None else set()
        if usage is None and not self.request.include_usage:
            absent.add("usage")
        if not self._wants_logprobs:
            return body.model_dump_json(exclude=absent).encode()
        shown = body.model_dump(mode="json", exclude=absent)
        for choice, (_, tokens) in zip(shown["choices"], choices, strict=True):
            if tokens is not None:
                choice["logprobs"] = await self._dialect.logprobs(tokens)
        return msgspec.json.encode(shown)


def error_event(error: CaptionStudioError) -> bytes:
    """Return the event that ends a failed stream."""
    return _event(error_body(error))


def model_list(
    base: str, voices: Sequence[Voice], aliases: Sequence[Alias], *, created: int
) -> ModelList:
    """Return the base model, its adapters, the voices and the aliases. `created` is Unix time."""
    cards = [model_card(base, voice, created=created) for voice in voices]
    return ModelList(data=[*cards, *(alias_model(base, one, created=created) for one in aliases)])


def model_card(base: str, voice: Voice, *, created: int) -> Model:
    """Return one of them; a voice of its own has its adapter as its parent."""
    parent = voice.adapter if voice.id != voice.adapter else base
    return Model(
        id=voice.id,
        created=created,
        root=base,
        parent=None if voice.id == base else parent,
        description=voice.description,
    )


def alias_model(base: str, alias: Alias, *, created: int) -> Model:
    """Return an alias as a model. It tells which models answer, not their weights."""
    models = [target.model for target in alias.targets]
    description = alias.description or f"Another name for {' or '.join(models)}"
    return Model(id=alias.id, created=created, root=base, parent=models[0], description=description)


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"
