"""vLLM's outputs → the pieces of a request's choices, with log probabilities as ours."""

from collections.abc import Callable

from vllm.logprobs import FlatLogprobs
from vllm.outputs import CompletionOutput, RequestOutput

from caption_studio.errors import EngineFailure
from caption_studio.language.answer import Choices
from caption_studio.language.tokens import TokenBytes
from caption_studio.records import TokenLogprob


def ended_by_itself(piece: CompletionOutput) -> bool:
    """Whether the model ended the answer, not a stop word or a limit of the caller's."""
    return piece.finish_reason == "stop" and piece.stop_reason is None


def logprobs_of(output: RequestOutput) -> int:
    """Return how many log probabilities the pieces carry."""
    return sum(len(_flat(piece).logprobs) for piece in output.outputs if piece.logprobs)


def feed(choices: Choices, output: RequestOutput, tokens: TokenBytes, copies: int = 1) -> None:
    """Give each choice its piece; an answer generated once goes to `copies` choices.

    Raises `EngineFailure` if vLLM gave the request up.
    """
    for piece in output.outputs:
        if piece.finish_reason not in (None, "stop", "length"):
            raise EngineFailure("The captioner gave this request up.")
        logprobs = token_logprobs(piece, tokens) if piece.logprobs else ()
        for index in range(piece.index, piece.index + copies):
            choices.feed(index, piece.text, len(piece.token_ids), piece.finish_reason, logprobs)


def _flat(piece: CompletionOutput) -> FlatLogprobs:
    assert isinstance(piece.logprobs, FlatLogprobs)  # engine_options asks for them
    return piece.logprobs


def token_logprobs(piece: CompletionOutput, tokens: TokenBytes) -> list[TokenLogprob]:
    """Return the chosen tokens, each with its candidates, likeliest first, as vLLM ranks them."""
    flat = _flat(piece)
    all_ = [
        TokenLogprob(tokens[id_], logprob)
        for id_, logprob in zip(flat.token_ids, flat.logprobs, strict=True)
    ]
    found = []
    for start, end in zip(flat.start_indices, flat.end_indices, strict=True):
        # The chosen token is first. vLLM then lists the likeliest, where it may stand again.
        if flat.token_ids[start] in flat.token_ids[start + 1 : end]:
            ranked = tuple(all_[start + 1 : end])
        else:
            ranked = tuple(all_[i] for i in sorted(range(start, end), key=_ranks(flat)))
        found.append(TokenLogprob(all_[start].data, all_[start].logprob, ranked))
    return found


def _ranks(flat: FlatLogprobs) -> Callable[[int], int]:
    return lambda place: flat.ranks[place] or 0
