"""A teacher's text → the caption in it; and what is needed to tell texts apart. Pure."""

import re
import unicodedata

from caption_studio.language.prompt import one_line

QUOTES = {'"': '"', "“": "”", "«": "»", "„": "“", "「": "」"}

_INTRODUCTION = re.compile(
    r"\s*(?:(?:sure|certainly|of course|absolutely)[!,.]?\s*)?"
    r"(?:here(?:'s| is| you go)[^\n:]{0,80}:|(?:the )?caption:)\s*(?=\S)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")


def well_formed(text: str) -> str:
    """Return the text with lone surrogates replaced: JSON may hold them, UTF-8 may not."""
    return text.encode("utf-8", "replace").decode()


def caption_in(text: str) -> str:
    """Return the caption on one line, without an introduction and without quotes around it."""
    # One character for one, so that the place found is the place in the text.
    introduction = _INTRODUCTION.match(straight(text))
    caption = one_line(text[introduction.end() :] if introduction else text)
    closing = QUOTES.get(caption[:1])
    inner = caption[1:-1]
    is_quoted = closing and len(caption) > 1 and caption.endswith(closing)
    if is_quoted and not {caption[0], closing} & set(inner):
        return inner.strip()
    return caption


def straight(text: str) -> str:
    """Return the text with typewriter's apostrophes."""
    return text.replace("\u2019", "'")


def words(text: str) -> list[str]:
    """Return the words, whatever their case and width; hashtags lose their signs."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
