"""What no caption may say: word lists, and a moderation endpoint where there is one."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from caption_studio.errors import RETRY_AFTER_S, ModerationUnavailable
from caption_studio.settings import GuardSettings
from caption_studio.voices.guards.moderation import (
    HTTPPost,
    ModerationEndpoint,
    ModerationFailed,
    moderate,
)
from caption_studio.voices.guards.word_list import DEFAULT_LIST, WordList, flagged, load

LONG_CHARACTERS = 500
"""Longer texts, if they are made for it, take tens of milliseconds to look through."""

WORD = "word"
"""The reason of a word list. The word itself is never told, so that no log holds it."""


class Guards:
    """`protocols.Guard` of the settings. Between `start` and `close`.

    Raises `ValueError` for a word list that cannot be read.
    """

    def __init__(self, settings: GuardSettings) -> None:
        paths = (*([DEFAULT_LIST] if settings.default_words else []), *settings.word_lists)
        self._lists = tuple(_loaded(path) for path in paths)
        self._endpoint = _endpoint(settings)
        self._post: HTTPPost | None = None

    async def start(self) -> None:
        """Open the client of the moderation endpoint."""
        if self._endpoint is not None:
            self._post = HTTPPost()

    async def close(self) -> None:
        """Close its connections."""
        if self._post is not None:
            await self._post.aclose()

    async def flagged(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """See `protocols.Guard`."""
        if sum(map(len, texts)) > LONG_CHARACTERS:
            reasons = await asyncio.to_thread(self._words_in, texts)
        else:
            reasons = self._words_in(texts)
        if self._endpoint is None or self._post is None:
            return reasons
        try:
            verdicts = await moderate(texts, self._endpoint, self._post)
        except ModerationFailed as error:
            raise ModerationUnavailable(
                "The moderation of captions gave no answer.", retry_after_s=RETRY_AFTER_S
            ) from error
        return [
            (*words, *((verdict.categories or ("moderation",)) if verdict.flagged else ()))
            for words, verdict in zip(reasons, verdicts, strict=True)
        ]

    def _words_in(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        return [(WORD,) if flagged(text, self._lists) else () for text in texts]


def _loaded(path: Path) -> WordList:
    try:
        return load(path)
    except OSError as error:
        raise ValueError(f"guards.word_lists: {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"guards.word_lists: {path}: {error}") from error


def _endpoint(settings: GuardSettings) -> ModerationEndpoint | None:
    if settings.moderation_url is None:
        return None
    key = settings.moderation_api_key
    return ModerationEndpoint(
        settings.moderation_url,
        settings.moderation_model,
        None if key is None else key.get_secret_value(),
        settings.moderation_timeout_s,
    )
