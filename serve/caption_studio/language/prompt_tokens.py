"""Prompt text → token ids, without blocking the event loop.

A tokenizer takes some microseconds a token: a text of 32 KB takes 40 ms, one of a megabyte takes
seconds. A text that cannot fit the context is refused by its length. Other long texts are read in
a thread; the tokenizer releases the GIL meanwhile.
"""

import asyncio
import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from caption_studio.errors import ContextLengthExceeded
from caption_studio.language.tokens import text_tokens, token_bytes
from caption_studio.records import PromptText

AT_ONCE_CHARS = 1024
"""Texts up to this length are read on the loop: it takes 2 ms, a switch to a thread may as well."""


class PromptTokens:
    """Reads prompts for a context of `max_model_len` tokens. Tokenizers are transformers' ones."""

    def __init__(self, *, max_model_len: int) -> None:
        self._max_model_len = max_model_len
        self._longest_bytes = 0
        self._threads_own: Any = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tokenizer")

    def prepare(self, tokenizer: Any) -> None:
        """Copy the tokenizer for the thread: encoding sets options, which two threads must not do.

        This is slow with a large vocabulary, so it is done at the start and not in a request.
        """
        self._threads_own = copy.deepcopy(tokenizer)
        self._longest_bytes = max(len(token_bytes(token)) for token in tokenizer.get_vocab())

    async def of(self, tokenizer: Any, text: PromptText) -> list[int]:
        """Return the ids. Raises `ContextLengthExceeded` if they leave no room for an answer."""
        if not isinstance(text, str):
            token_ids = list(text)
        elif len(text) <= AT_ONCE_CHARS:
            token_ids = text_tokens(tokenizer, text)
        else:
            token_ids = await self._in_thread(text)
        if len(token_ids) >= self._max_model_len:
            raise self._too_long(f"has {len(token_ids)} and leaves no room for an answer")
        return token_ids

    async def _in_thread(self, text: str) -> list[int]:
        max_bytes = self._max_model_len * self._longest_bytes
        if len(text) > max_bytes or len(text.encode()) > max_bytes:
            raise self._too_long("is far longer")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, text_tokens, self._threads_own, text)

    def close(self) -> None:
        """Shut the thread down without waiting for it."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _too_long(self, how: str) -> ContextLengthExceeded:
        return ContextLengthExceeded(
            f"This model's context is {self._max_model_len} tokens; the prompt {how}."
        )
