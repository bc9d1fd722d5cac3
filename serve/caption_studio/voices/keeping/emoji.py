"""A text → the same text without emoji; pure.

An emoji is a character that Unicode lists as one (UTS 51), with its modifiers and the emoji
joined to it. ©, ™ and the like are text unless a variation selector follows. Of a keycap the
digit or sign stays.
"""

import regex

from caption_studio.voices.keeping.seams import joined

_OFTEN_TEXT = "[©®‼⁉™\u2139↔-↙↩↪]"
_PICTURE = (
    rf"[[\p{{Emoji}}&&\p{{Extended_Pictographic}}]--{_OFTEN_TEXT}]"
    r"|[\p{Extended_Pictographic}&&\p{Cn}]"  # kept free for emoji of later Unicode versions
    rf"|{_OFTEN_TEXT}\uFE0F|\p{{Regional_Indicator}}{{1,2}}+|\p{{Emoji_Modifier}}"
)
_EXTRAS = r"[\uFE0E\uFE0F\u20E3\p{Emoji_Modifier}\U000E0020-\U000E007F]"
_ONE = rf"(?:{_PICTURE}){_EXTRAS}*+"
_EMOJI = regex.compile(rf"(?:{_ONE}(?:\u200D{_ONE})*+\u200D?+|[0-9#*]\uFE0F?\u20E3)", regex.V1)
_REMOVED = regex.compile(rf"(?:{_ONE}(?:\u200D{_ONE})*+\u200D?+|{_EXTRAS}++)++", regex.V1)


def has_emoji(text: str) -> bool:
    """Tell whether a text holds an emoji; a keycap is one."""
    return not text.isascii() and _EMOJI.search(text) is not None


def without_emoji(text: str) -> str:
    """Return the text without emoji and their parts, its white space tidied where one was."""
    if text.isascii() or not _REMOVED.search(text):
        return text
    return joined(_REMOVED.split(text))
