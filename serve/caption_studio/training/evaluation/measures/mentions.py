"""A request → the names that the caption shall hold, or shall not; pure, English.

A name is up to six words with a capital, or what stands between quotes.
"""

import re
from collections.abc import Iterator

from caption_studio.voices.platforms import PLATFORMS
from caption_studio.voices.words import LANGUAGES

_VERBS = (
    r"(?:mention(?:s|ing)?|includ(?:e|es|ing)(?: the name)?(?: of)?|contains?|add the name(?: of)?|"
    r"name-?drop|the (?:name|word)s?|dedicate (?:it|this) to|say (?:hi|hello) to|greet|thank|"
    r"credit|congratulate|shout ?out to|happy birthday to|wish|greetings (?:from|to)|"
    r"(?:this|it|that)(?: is| was|'s) (?:for|in|from)|(?:add|say) that (?:this|it)(?: is|'s)|"
    r"card for|taken in|(?:trip|visit|holiday|vacation|weekend|stay) (?:to|in)|"
    r"(?:saw|seen) (?:this|it)? ?in|we were in|we are in|we're in|called|named)"
)
_BETWEEN = (
    r"(?:(?:the|our|my|a|an|this|that|trip|visit|holiday|vacation|to|in|of|from|name|town|city|"
    r"village|place|restaurant|caf\u00e9|cafe|bakery|zoo|shop|hotel|museum|beach|friend|friends|"
    r"dog|cat|sister|brother|colleague|team|company|brand|was|is|it|taken|at|by|for|called|named|"
    r"last|week|year|summer|word|words) ){0,6}"
)
_PROPER = (
    r"(?:[^\W\d_a-z\u00df-\u00f6\u00f8-\u00ff]\w*(?:['-]\w+)*"
    r"(?: (?:de|la|del|of|the|and|von|da) (?=[A-Z])| (?=[A-Z]))?){1,6}"
)
_OPENING, _CLOSING = "\"'\u2018\u201c\u00ab", "\"'\u2019\u201d\u00bb"
_QUOTED = rf"[{_OPENING}]([^{_OPENING}{_CLOSING}]{{2,60}})[{_CLOSING}]"
_NAMED_FIRST = re.compile(
    rf"({_PROPER}) ?(?:(?:must|should|has to|needs to|to) be )?(?i:mentioned|named)\b"
)
_ASKED = re.compile(rf"\b(?i:{_VERBS}) {_BETWEEN}(?:{_QUOTED}|({_PROPER}))")
_REFUSED = re.compile(r"(?:n't|\bnot|\bnever|\bwithout|\bavoid|\bno)\s+(?:even )?$", re.IGNORECASE)
_LEFT_OPEN = re.compile(r"\bneed to $", re.IGNORECASE)
_NO_NAMES = frozenset(
    {one.title for one in PLATFORMS.values()}
    | set(LANGUAGES.values())
    | set("I I'm Insta Caption Captions Alt Emoji Hashtag Hashtags Google OK".split())
)


def asked_mentions(request: str) -> Iterator[tuple[str, bool]]:
    """Yield each name, and whether the caption shall hold it."""
    for found in (*_ASKED.finditer(request), *_NAMED_FIRST.finditer(request)):
        name = (found[1] or found[2]).strip().removesuffix("'s").strip()
        before = request[: found.start()]
        if not name or name.split()[0] in _NO_NAMES or _LEFT_OPEN.search(before):
            continue
        yield name, not _REFUSED.search(before)
