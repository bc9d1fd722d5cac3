"""vLLM's outputs → the pieces of a request's choices, with log probabilities as ours."""

from collections.abc import Mapping

from vllm.logprobs import Logprob
from vllm.outputs import CompletionOutput, RequestOutput
from vllm.tokenizers import TokenizerLike

from caption_studio.errors import EngineFailure
from caption_studio.language.answer import Choices
from caption_studio.language.tokens import token_bytes
from caption_studio.records import TokenLogprob


def ended_by_itself(piece: CompletionOutput) -> bool:
    """Whether the model ended the answer, not a stop word or a limit of the caller's."""
    return piece.finish_reason == "stop" and piece.stop_reason is None


def feed(
    choices: Choices, output: RequestOutput, tokenizer: TokenizerLike, copies: int = 1
) -> None:
    """Give each choice its piece; an answer generated once goes to `copies` choices.

    Raises `EngineFailure` if vLLM gave the request up.
    """
    for piece in output.outputs:
        if piece.finish_reason not in (None, "stop", "length"):
            raise EngineFailure("The captioner gave this request up.")
        logprobs = [
            _token_logprob(token_id, candidates, tokenizer)
            for token_id, candidates in zip(piece.token_ids, piece.logprobs or (), strict=False)
        ]
        for index in range(piece.index, piece.index + copies):
            choices.feed(index, piece.text, len(piece.token_ids), piece.finish_reason, logprobs)


def _token_logprob(
    token_id: int, candidates: Mapping[int, Logprob], tokenizer: TokenizerLike
) -> TokenLogprob:
    """Return the chosen token with the others, likeliest first, as vLLM ranks them."""

    def of(id_: int) -> TokenLogprob:
        name = tokenizer.convert_ids_to_tokens([id_])[0]
        return TokenLogprob(token_bytes(name), candidates[id_].logprob)

    ranked = sorted(candidates, key=lambda id_: candidates[id_].rank or 0)
    chosen = of(token_id)
    return TokenLogprob(chosen.data, chosen.logprob, tuple(of(id_) for id_ in ranked))
