"""A request → the names that the caption shall hold, or shall not; pure, English.

A name is up to six words with a capital, or what stands between quotes.
"""

import re
from collections.abc import Iterator

from caption_studio.training.evaluation.measures.figures import NUMBER_WORDS
from caption_studio.voices.keeping.folding import keys
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
_QUOTED = rf"[{_OPENING}](?P<quoted>[^{_OPENING}{_CLOSING}]{{2,60}})[{_CLOSING}]"
_NAMED_FIRST = re.compile(
    rf"(?P<quoted>)(?P<name>{_PROPER}) ?(?:(?:must|should|has to|needs to|to) be )?"
    r"(?i:mentioned|named)\b"
)
_ASKED = re.compile(rf"\b(?i:{_VERBS}) {_BETWEEN}(?:{_QUOTED}|(?P<name>{_PROPER}))")
_REFUSED = re.compile(r"(?:n't|\bnot|\bnever|\bwithout|\bavoid|\bno)\s+(?:even )?$", re.IGNORECASE)
_LEFT_OPEN = re.compile(r"\bneed to $", re.IGNORECASE)
_LANGUAGES = frozenset(LANGUAGES.values())
_PLATFORMS = (
    "Airbnb BeReal Discord Etsy FB Flickr Google IG Insta Messenger Nextdoor Reddit Reel Reels "
    "Shorts Slack Snap Snapchat Stories Story Substack Telegram TikTok Tumblr Twitch Twitter Vimeo "
    "WeChat Weibo WhatsApp Yelp YT"
)
_PARTS = (
    "alt bio call caption captions cta ctas dm emoji emojis emoticon emoticons faq gif hashtag "
    "hashtags i i'm link links ok question questions quote quotes seo smiley smileys url urls usp"
)
_NO_PART_OF_A_NAME = frozenset(
    (*keys(" ".join(one.title for one in PLATFORMS.values())), *keys(_PLATFORMS), *keys(_PARTS))
)
"""Folded words of platforms and of the parts of captions, which are wanted but not by name."""

_AMOUNTS = frozenset(
    (*NUMBER_WORDS, *"a an any at exactly least max min more most no only some than the".split())
)


def asked_mentions(request: str) -> Iterator[tuple[str, bool]]:
    """Yield each name, and whether the caption shall hold it.

    In a request without small letters nothing tells a name from other words.
    """
    if request.isupper():
        return
    for found in (*_ASKED.finditer(request), *_NAMED_FIRST.finditer(request)):
        name = (found["quoted"] or found["name"]).strip().removesuffix("'s").strip()
        before = request[: found.start()]
        if _is_no_name(name, is_quoted=bool(found["quoted"])) or _LEFT_OPEN.search(before):
            continue
        yield name, not _REFUSED.search(before)


def _is_no_name(name: str, *, is_quoted: bool) -> bool:
    """Tell whether it is a language, an amount, a platform or a part of a caption.

    Of a quotation only the first word is looked at.
    """
    words = keys(name)
    if not words or name.split()[0] in _LANGUAGES:
        return True
    if is_quoted:
        return words[0] in _NO_PART_OF_A_NAME
    return _AMOUNTS.issuperset(words) or not _NO_PART_OF_A_NAME.isdisjoint(words)
