"""One choice in the format of each endpoint: chat messages, or the older completions.

Not here: the order of a stream, usage, ids (wire.render).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
from pydantic import BaseModel

from caption_studio.logprob_parts import in_parts
from caption_studio.records import CaptionDelta, FinishReason, Marks, TokenLogprob
from caption_studio.wire.answers import (
    AnswerMessage,
    ChatChoice,
    ChatCompletion,
    ChatCompletionChunk,
    ChunkChoice,
    Completion,
    Delta,
    TextChoice,
)


@dataclass
class WholeChoice:
    """One choice, put together from its deltas."""

    index: int
    text: str = ""
    finish_reason: FinishReason = "stop"
    logprobs: list[TokenLogprob] = field(default_factory=list)
    marks: Marks | None = None

    def add(self, delta: CaptionDelta) -> None:
        """Append the next piece."""
        self.text += delta.text
        self.finish_reason = delta.finish_reason or self.finish_reason
        self.logprobs += delta.logprobs
        self.marks = delta.marks or self.marks


class Dialect(Protocol):
    """An endpoint's format; one object per answer, because it keeps state between chunks."""

    @property
    def id_prefix(self) -> str:
        """The prefix of an answer's id."""
        ...

    @property
    def whole(self) -> type[BaseModel]:
        """The body of a whole answer."""
        ...

    @property
    def chunk(self) -> type[BaseModel]:
        """The body of one event of a stream."""
        ...

    def whole_choice(self, choice: WholeChoice) -> BaseModel:
        """Return a finished choice."""
        ...

    def chunk_choices(self, delta: CaptionDelta) -> list[tuple[BaseModel, bool]]:
        """Return the choices of the chunks for one delta, in order.

        Each comes with whether it carries the delta's log probabilities, if they are wanted.
        """
        ...

    async def logprobs(self, tokens: Sequence[TokenLogprob]) -> msgspec.Raw:
        """Return log probabilities as JSON."""
        ...


class ChatDialect:
    """`POST /v1/chat/completions`."""

    id_prefix = "chatcmpl"
    whole = ChatCompletion
    chunk = ChatCompletionChunk

    def __init__(self, top_logprobs: int) -> None:
        self._top_logprobs = top_logprobs
        self._opened: set[int] = set()

    def whole_choice(self, choice: WholeChoice) -> BaseModel:
        """See `Dialect`."""
        return ChatChoice(
            index=choice.index,
            message=AnswerMessage(content=choice.text),
            finish_reason=choice.finish_reason,
        )

    def chunk_choices(self, delta: CaptionDelta) -> list[tuple[BaseModel, bool]]:
        """See `Dialect`: a role once, then text, then the reason for the end."""
        index, chunks = delta.index, list[tuple[BaseModel, bool]]()
        if index not in self._opened:
            self._opened.add(index)
            opening = Delta(role="assistant", content="")
            chunks.append((ChunkChoice(index=index, delta=opening), False))
        if delta.text:
            chunks.append((ChunkChoice(index=index, delta=Delta(content=delta.text)), True))
        if delta.finish_reason is not None:
            reason = delta.finish_reason
            chunks.append((ChunkChoice(index=index, delta=Delta(), finish_reason=reason), False))
        return chunks

    async def logprobs(self, tokens: Sequence[TokenLogprob]) -> msgspec.Raw:
        """See `Dialect`: `ChatLogprobs`."""
        content = await chat_logprobs(tokens, self._top_logprobs)
        return msgspec.Raw(b'{"content":' + bytes(content) + b',"refusal":null}')


class CompletionDialect:
    """`POST /v1/completions`."""

    id_prefix = "cmpl"
    whole = Completion
    chunk = Completion

    def __init__(self, top_logprobs: int) -> None:
        self._top_logprobs = top_logprobs

    def whole_choice(self, choice: WholeChoice) -> BaseModel:
        """See `Dialect`."""
        return TextChoice(index=choice.index, text=choice.text, finish_reason=choice.finish_reason)

    def chunk_choices(self, delta: CaptionDelta) -> list[tuple[BaseModel, bool]]:
        """See `Dialect`: one chunk, which may carry text, the reason for the end, or both."""
        choice = TextChoice(index=delta.index, text=delta.text, finish_reason=delta.finish_reason)
        return [(choice, True)]

    async def logprobs(self, tokens: Sequence[TokenLogprob]) -> msgspec.Raw:
        """See `Dialect`: `TextLogprobs`."""
        fields: dict[str, Callable[[TokenLogprob], Any]] = {
            "tokens": lambda token: token.text,
            "token_logprobs": lambda token: token.logprob,
            "top_logprobs": lambda token: {
                other.text: other.logprob for other in token.alternatives[: self._top_logprobs]
            },
            "text_offset": lambda token: token.text_offset,
        }
        arrays = {name: await _array(tokens, of) for name, of in fields.items()}
        return msgspec.Raw(msgspec.json.encode(arrays))


async def chat_logprobs(tokens: Sequence[TokenLogprob], top_logprobs: int) -> msgspec.Raw:
    """Return a JSON array of the tokens, each with the `top_logprobs` likeliest in its place."""
    return await _array(
        tokens,
        lambda token: {
            **_token(token),
            "top_logprobs": [_token(one) for one in token.alternatives[:top_logprobs]],
        },
    )


async def _array(tokens: Sequence[TokenLogprob], of: Callable[[TokenLogprob], Any]) -> msgspec.Raw:
    """Return a JSON array, encoded a part at a time."""
    encoded: list[bytes] = []
    for part in in_parts(tokens):
        if encoded:
            await asyncio.sleep(0)
        encoded.append(msgspec.json.encode([of(token) for token in part])[1:-1])
    return msgspec.Raw(b"[" + b",".join(encoded) + b"]")


def _token(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.data)}
