"""One choice in the format of each endpoint: chat messages, or the older completions.

Not here: the order of a stream, usage, ids (wire.render).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import BaseModel

from caption_studio.records import CaptionDelta, FinishReason, TokenLogprob
from caption_studio.wire.answers import (
    AnswerMessage,
    ChatChoice,
    ChatCompletion,
    ChatCompletionChunk,
    ChatLogprob,
    ChatLogprobs,
    ChunkChoice,
    Completion,
    Delta,
    TextChoice,
    TextLogprobs,
    TopLogprob,
)


@dataclass
class WholeChoice:
    """One choice, put together from its deltas."""

    index: int
    text: str = ""
    finish_reason: FinishReason = "stop"
    logprobs: list[TokenLogprob] = field(default_factory=list)

    def add(self, delta: CaptionDelta) -> None:
        """Append the next piece."""
        self.text += delta.text
        self.finish_reason = delta.finish_reason or self.finish_reason
        self.logprobs += delta.logprobs


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

    def chunk_choices(self, delta: CaptionDelta) -> list[BaseModel]:
        """Return the choices of the chunks for one delta, in order."""
        ...


class ChatDialect:
    """`POST /v1/chat/completions`. `top_logprobs` None: no log probabilities."""

    id_prefix = "chatcmpl"
    whole = ChatCompletion
    chunk = ChatCompletionChunk

    def __init__(self, top_logprobs: int | None) -> None:
        self._top_logprobs = top_logprobs
        self._opened: set[int] = set()

    def whole_choice(self, choice: WholeChoice) -> BaseModel:
        """See `Dialect`."""
        return ChatChoice(
            index=choice.index,
            message=AnswerMessage(content=choice.text),
            logprobs=self._logprobs(choice.logprobs),
            finish_reason=choice.finish_reason,
        )

    def chunk_choices(self, delta: CaptionDelta) -> list[BaseModel]:
        """See `Dialect`: a role once, then text, then the reason for the end."""
        index, chunks = delta.index, list[BaseModel]()
        if index not in self._opened:
            self._opened.add(index)
            chunks.append(ChunkChoice(index=index, delta=Delta(role="assistant", content="")))
        if delta.text:
            text = Delta(content=delta.text)
            logprobs = self._logprobs(delta.logprobs)
            chunks.append(ChunkChoice(index=index, delta=text, logprobs=logprobs))
        if delta.finish_reason is not None:
            reason = delta.finish_reason
            chunks.append(ChunkChoice(index=index, delta=Delta(), finish_reason=reason))
        return chunks

    def _logprobs(self, tokens: Sequence[TokenLogprob]) -> ChatLogprobs | None:
        if self._top_logprobs is None:
            return None
        return ChatLogprobs(content=chat_logprobs(tokens, self._top_logprobs))


class CompletionDialect:
    """`POST /v1/completions`. `top_logprobs` None: no log probabilities."""

    id_prefix = "cmpl"
    whole = Completion
    chunk = Completion

    def __init__(self, top_logprobs: int | None) -> None:
        self._top_logprobs = top_logprobs

    def whole_choice(self, choice: WholeChoice) -> BaseModel:
        """See `Dialect`."""
        return TextChoice(
            index=choice.index,
            text=choice.text,
            logprobs=self._logprobs(choice.logprobs),
            finish_reason=choice.finish_reason,
        )

    def chunk_choices(self, delta: CaptionDelta) -> list[BaseModel]:
        """See `Dialect`: one chunk, which may carry text, the reason for the end, or both."""
        choice = TextChoice(
            index=delta.index,
            text=delta.text,
            logprobs=self._logprobs(delta.logprobs),
            finish_reason=delta.finish_reason,
        )
        return [choice]

    def _logprobs(self, tokens: Sequence[TokenLogprob]) -> TextLogprobs | None:
        if self._top_logprobs is None:
            return None
        return TextLogprobs(
            tokens=[token.text for token in tokens],
            token_logprobs=[token.logprob for token in tokens],
            top_logprobs=[
                {other.text: other.logprob for other in token.alternatives[: self._top_logprobs]}
                for token in tokens
            ],
            text_offset=[token.text_offset for token in tokens],
        )


def chat_logprobs(tokens: Sequence[TokenLogprob], top_logprobs: int) -> list[ChatLogprob]:
    """Return the tokens, each with the `top_logprobs` likeliest in its place."""
    return [
        {
            **_token(token),
            "top_logprobs": [_token(one) for one in token.alternatives[:top_logprobs]],
        }
        for token in tokens
    ]


def _token(token: TokenLogprob) -> TopLogprob:
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.data)}
