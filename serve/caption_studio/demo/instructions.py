"""Wishes → the text that a user writes beside a picture, of a few words up to eighty.

Some are texts that somebody wrote (`written`), the others are made here of the phrases in
`instructions.yaml`. A long one says the wishes among sentences that ask for nothing which can be
checked; many of these name things, numbers and colours that are not in the picture, because only
the description tells what is.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import replace

from caption_studio.demo.grammar import grammar
from caption_studio.demo.held_out import shared_runs
from caption_studio.demo.names import invented_word
from caption_studio.demo.wishes import (
    ORDINARY,
    Asked,
    Mix,
    Wish,
    controls_wish,
    sample_asked,
    wish_of,
)
from caption_studio.demo.written import NAME, count_words, drawn, fill

MOST_WORDS = 80
LONG_FROM_WORDS = 5

_HASHTAGS = (*["hashtags"] * 8, *["hash tags", "tags"] * 2, "#s", "#hashtags", "# signs")
_EMOJI = ("emoji", "emojis", "emoji", "emojis", "emoji", "emoticons", "smileys")
_ONE = {"no hashtags": "hashtag", "no emoji": "emoji"}
_BOTH = (
    "{} and {}",
    "{} and {}",
    "{} or {}",
    "{} or {}",
    "{} and any {}",
    "{} or any {}",
    "both the {} and the {}",
)
_NEGATIVES = {"no hashtags": _HASHTAGS, "no emoji": _EMOJI}
_POSITIVES = {"hashtags wanted": _HASHTAGS, "emoji wanted": _EMOJI}
_BREAKS = ("; ", ", and ", " - ", ", so ", ", but ", ", because ", " and ", ": ", ", ")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])")
_SHORT_BREAKS = (" and ", ", ", ". ")


def short_wish(rng: random.Random, mix: Mix = ORDINARY) -> Wish:
    """Draw a text of a few words: a plain request for a caption, or one or two wishes."""
    if rng.random() < mix.plain:
        return Wish(text=_ended(_say("ask", rng), rng))
    asked = sample_asked(rng, 1, 2, mix)
    text = rng.choice(_SHORT_BREAKS).join(_fragment(kind, asked, rng) for kind in asked.kinds)
    if rng.random() < 0.15:
        text = f"{_say('ask', rng).rstrip('?')}, {text}"
    if rng.random() < 0.2 and "please" not in text:
        text += " please"
    text = text if rng.random() < 0.4 else _capital(text)
    return replace(asked.wish, text=_with_articles(text) + rng.choice(("", "", ".", "!")))


def long_wish(rng: random.Random, most_words: int = MOST_WORDS, mix: Mix = ORDINARY) -> Wish:
    """Draw a text of 5 words up to `most_words`, all lengths alike, with up to three wishes."""
    wanted = rng.randint(LONG_FROM_WORDS, most_words)
    asked = sample_asked(rng, 0, 3 if wanted > 12 else 1, mix)
    sentences = _wishes(asked, rng)
    if not sentences or rng.random() < 0.35:
        sentences.append(_say("ask", rng))
    rng.shuffle(sentences)
    first = [_say("greeting", rng)] if rng.random() < 0.2 else []
    last = [_say("closing", rng)] if rng.random() < 0.25 else []
    around = count_words([*first, *last])
    fill(sentences, lambda: _say("neutral", rng), wanted - around, most_words - around, rng)
    return replace(asked.wish, text=_joined([*first, *sentences, *last], rng))


def written_wish(rng: random.Random, most_words: int = MOST_WORDS) -> Wish:
    """Draw a text that somebody wrote, at times in small letters."""
    kinds, text = drawn(rng, most_words)
    wish, name = wish_of(kinds, rng)
    if rng.random() < 0.1:
        text = text.lower()
    return replace(wish, text=text.replace(NAME, name))


def sample_wish(rng: random.Random, most_words: int = MOST_WORDS, mix: Mix = ORDINARY) -> Wish:
    """Draw the wish beside a picture; some have no text, most of the others a long one.

    A text that happens to share words with a held-out instruction is drawn anew.
    """
    while shared_runs((wish := _any_wish(rng, most_words, mix)).text):
        pass
    return wish


def _any_wish(rng: random.Random, most_words: int, mix: Mix) -> Wish:
    dice, (without, short, controls) = rng.random(), mix.texts
    if dice < without:
        return Wish()
    if dice < without + controls:
        return controls_wish(rng)
    if rng.random() < mix.written:
        wish = written_wish(rng, most_words)
    elif dice < without + controls + short:
        return short_wish(rng, mix)
    else:
        wish = long_wish(rng, most_words, mix)
    return controls_wish(rng, wish) if dice > 0.97 else wish


def json_request(rng: random.Random) -> str:
    """Draw a text that asks for a JSON answer."""
    return _ended(_with_articles(_capital(_say("json_ask", rng))), rng)


def _wishes(asked: Asked, rng: random.Random) -> list[str]:
    """Return sentences that say all the wishes; often one sentence says two."""
    kinds = list(asked.kinds)
    rng.shuffle(kinds)
    if set(_NEGATIVES) <= set(kinds) and rng.random() < 0.7:
        others = [kind for kind in kinds if kind not in _NEGATIVES]
        return [_neither(rng), *(_sentence(kind, asked, rng) for kind in others)]
    if len(kinds) > 1 and rng.random() < 0.4:
        how = rng.choice(("fragment", "verb"))
        together = [_phrase(kind, how, asked, rng) for kind in kinds[:2]]
        joined = f" {_say('and_word', rng)} ".replace(" ,", ",").join(together)
        return [_wrapped(how, joined, rng), *(_sentence(kind, asked, rng) for kind in kinds[2:])]
    return [_sentence(kind, asked, rng) for kind in kinds]


def _neither(rng: random.Random) -> str:
    """Return a sentence that wants no hashtags and no emoji."""
    kinds = list(_NEGATIVES)
    rng.shuffle(kinds)
    x, y = (rng.choice(_NEGATIVES[kind]) for kind in kinds)
    if rng.random() < 0.4:
        return _say("neither", rng, {"x": x, "y": y})
    both = {"x": rng.choice(_BOTH).format(x, y), "one": " or ".join(_ONE[kind] for kind in kinds)}
    how = rng.choice(("fragment", "verb", "command", "sentence"))
    phrase = _say(f"negative_{how}", rng, both)
    return _wrapped(how, phrase, rng) if how in ("fragment", "verb") else phrase


def _sentence(kind: str, asked: Asked, rng: random.Random) -> str:
    how = rng.choice(("fragment", "verb", "sentence"))
    if how == "sentence":
        return _phrase(kind, how, asked, rng)
    if how == "verb" and kind in _NEGATIVES and rng.random() < 0.4:
        return _phrase(kind, "command", asked, rng)
    return _wrapped(how, _phrase(kind, how, asked, rng), rng)


def _wrapped(how: str, phrase: str, rng: random.Random) -> str:
    return _say(f"{how}_wrap", rng, {how[0]: phrase})


def _fragment(kind: str, asked: Asked, rng: random.Random) -> str:
    return _phrase(kind, rng.choice(("fragment", "fragment", "verb")), asked, rng)


def _phrase(kind: str, how: str, asked: Asked, rng: random.Random) -> str:
    if kind in _NEGATIVES:
        said = {"x": rng.choice(_NEGATIVES[kind]), "one": _ONE[kind]}
        return _say(f"negative_{how}", rng, said)
    if kind in _POSITIVES:
        return _say(f"positive_{how}", rng, {"x": rng.choice(_POSITIVES[kind])})
    return _say(f"{kind.replace(' ', '_')}_{how}", rng, asked.values)


def _say(symbol: str, rng: random.Random, values: Mapping[str, str] | None = None) -> str:
    odd = {"odd": invented_word(rng)}
    return grammar("instructions").say(symbol, rng, odd | dict(values or {}))


def _joined(sentences: list[str], rng: random.Random) -> str:
    """Join sentences by full stops, at times by a conjunction; careless users by less."""
    careless = rng.random() < 0.1
    text = ""
    for sentence in sentences:
        if not text:
            text = sentence if careless else _capital(sentence)
        elif careless:
            text += rng.choice((" ", ", ", ". ", " - ")) + sentence
        elif text.endswith("?") or rng.random() < 0.72:
            text = _ended(text, rng) + " " + _capital(sentence)
        else:
            text += rng.choice(_BREAKS) + sentence
    return _with_articles(text if careless else _ended(text, rng))


def _ended(text: str, rng: random.Random) -> str:
    return text if text[-1] in "?!." else text + rng.choice((".", ".", ".", ".", "!", ""))


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _with_articles(text: str) -> str:
    return _ARTICLE.sub(lambda found: f"{found.group(1)}n ", text)
