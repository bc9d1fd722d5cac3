"""vLLM's outputs → the pieces of a request's choices, with log probabilities as ours."""

import asyncio
from collections.abc import Sequence

from vllm.logprobs import FlatLogprobs
from vllm.outputs import CompletionOutput, RequestOutput

from caption_studio.errors import EngineFailure
from caption_studio.language.answer import Choices
from caption_studio.language.tokens import TokenBytes
from caption_studio.logprob_parts import PART
from caption_studio.records import TokenLogprob


def ended_by_itself(piece: CompletionOutput) -> bool:
    """Whether the model ended the answer, not a stop word or a limit of the caller's."""
    return piece.finish_reason == "stop" and piece.stop_reason is None


def feed(
    choices: Choices,
    output: RequestOutput,
    logprobs: Sequence[Sequence[TokenLogprob]],
    copies: int = 1,
) -> None:
    """Give each choice its piece; an answer generated once goes to `copies` choices.

    `logprobs` are those of each piece (`token_logprobs`). Raises `EngineFailure` if vLLM gave the
    request up.
    """
    for piece, those in zip(output.outputs, logprobs, strict=True):
        if piece.finish_reason not in (None, "stop", "length"):
            raise EngineFailure("The captioner gave this request up.")
        for index in range(piece.index, piece.index + copies):
            choices.feed(index, piece.text, len(piece.token_ids), piece.finish_reason, those)


async def token_logprobs(piece: CompletionOutput, tokens: TokenBytes) -> list[TokenLogprob]:
    """Return the chosen tokens, each with its candidates, likeliest first, as vLLM ranks them."""
    found: list[TokenLogprob] = []
    flat = piece.logprobs
    if not flat:
        return found
    assert isinstance(flat, FlatLogprobs)  # engine_options asks for them
    handled = 0
    for start, end in zip(flat.start_indices, flat.end_indices, strict=True):
        found.append(_token(flat, start, end, tokens))
        if end - handled > PART:
            handled = end
            await asyncio.sleep(0)
    return found


def _token(flat: FlatLogprobs, start: int, end: int, tokens: TokenBytes) -> TokenLogprob:
    """Return one position. The chosen token is first; vLLM may list it again with the others."""
    ids = flat.token_ids[start:end]
    if ids[0] in ids[1:]:
        ranked: Sequence[int] = range(start + 1, end)
    else:
        ranked = sorted(range(start, end), key=lambda place: flat.ranks[place] or 0)
    return TokenLogprob(
        tokens[ids[0]],
        flat.logprobs[start],
        tuple(TokenLogprob(tokens[flat.token_ids[i]], flat.logprobs[i]) for i in ranked),
        is_special=ids[0] in tokens.special,
    )
