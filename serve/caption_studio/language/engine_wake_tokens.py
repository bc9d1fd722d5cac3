"""A prompt → how its tokens may gather in vLLM's process (language.engine_gathering); our side.

An answer ends in our process: at a quote, or at a word of the caller's. The token that completes
such a word holds its last character. If these tokens are sent at once, an answer ends after the
same token as if all were.
"""

from collections.abc import Awaitable, Callable
from functools import lru_cache

from caption_studio.language.caption_cut import QUOTE
from caption_studio.language.engine_gathering import Gather
from caption_studio.language.engine_options import comes_by_token
from caption_studio.language.tokens import TokenBytes
from caption_studio.records import Prompt

LINE_BREAK = "\n"

OFTEN = f"{LINE_BREAK}{QUOTE}:"
"""The characters with which captions and the template's next lines end."""

TOKEN_LETTERS = 3
"""Letters of a token, at least, in most texts."""

Learn = Callable[[str, list[int]], Awaitable[None]]
"""Teaches vLLM's process the tokens of a character."""


class WakeTokens:
    """Teaches the tokens of a character when it is first needed."""

    def __init__(self, tokens: TokenBytes, vocabulary_size: int, learn: Learn) -> None:
        self._bytes = [tokens[id_] for id_ in range(vocabulary_size)]
        self._parts = [id_ for id_, held in enumerate(self._bytes) if _is_part(held)]
        self._learn = learn
        self._learnt: set[str] = set()

    async def learn(self, characters: str) -> None:
        """Teach the tokens of these characters, but for those that are known already."""
        for character in characters:
            if character not in self._learnt:
                await self._learn(character, self._holding(character))
                self._learnt.add(character)

    async def gather(self, prompt: Prompt, *, interval_s: float | None) -> Gather | None:
        """Return how the prompt's tokens gather; None if each must be sent.

        `interval_s` is that of a stream's pieces, None for whole answers. Raises what the given
        `learn` does.
        """
        characters = end_characters(prompt)
        if characters is None:
            return None
        await self.learn(characters)
        return Gather(characters, interval_s, 0 if interval_s is None else _first(prompt))

    def _holding(self, character: str) -> list[int]:
        """Return the tokens that hold the character, and those that are parts of characters.

        The text of the latter comes only with the tokens that complete them.
        """
        byte = character.encode()
        holding = (id_ for id_, held in enumerate(self._bytes) if byte in held)
        return sorted({*self._parts, *holding})


def _first(prompt: Prompt) -> int:
    """Return how many tokens of a stream are sent at once, so that its first piece is not late.

    vLLM keeps back as much text as may be the beginning of a stop word, and the answer may begin
    with a blank. A quote wakes by itself.
    """
    if prompt.answer == "quoted":
        return 1
    return 2 + max(map(len, prompt.stop), default=0) // TOKEN_LETTERS


def end_characters(prompt: Prompt) -> str | None:
    """Return the characters with which the answer may end; None if it may end in any token.

    Its tokens' log probabilities come with the tokens. Outside of a quoted caption, blanks are held
    back before the caller's words are searched for.
    """
    sampling, is_quoted = prompt.sampling, prompt.answer == "quoted"
    if sampling.top_logprobs is not None or comes_by_token(prompt):
        return None
    if is_quoted and sampling.stop:
        return None
    return _last_characters(
        (*prompt.stop, *sampling.stop, *((QUOTE, LINE_BREAK) if is_quoted else ()))
    )


@lru_cache(maxsize=256)
def _last_characters(words: tuple[str, ...]) -> str | None:
    characters = "".join(sorted({word[-1] for word in words}))
    return characters if characters.isascii() else None


def _is_part(held: bytes) -> bool:
    try:
        held.decode()
    except UnicodeDecodeError:
        return True
    return False
