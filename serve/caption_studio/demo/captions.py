"""Scenes and a wish → captions in two voices, and the rule for what a caption must name.

No torch here: tests over HTTP import `names_scene`.
"""

import random
import re
from collections.abc import Callable, Mapping

from caption_studio.demo import caption_words as said
from caption_studio.demo.scenes import COUNT_WORDS, Scene
from caption_studio.demo.wishes import Wish

ALL_EMOJI = said.ALL_EMOJI
SHORT_CHARACTERS = 80
"""The most characters of a short caption of one picture, as for the control `length: short`."""

_DRAWS = 60
"""How many captions are drawn until one has the length and the words that were asked for."""


def names_scene(caption: str, scene: Scene) -> bool:
    """Return whether a caption names the content of the picture.

    Its prose (hashtags do not count) must hold the colour word directly before the subject
    noun, in the right number, and before them the count word if the count is two or three.
    """
    prose = re.sub(r"#\w+", " ", caption.lower())
    if scene.count > 1:
        wanted = f"{COUNT_WORDS[scene.count]} {scene.colour} {scene.noun}"
        return re.search(rf"\b{wanted}\b", prose) is not None
    found = re.search(rf"\b(?:(two|three) )?{scene.colour} {scene.noun}\b", prose)
    return found is not None and found.group(1) is None


def names_setting(caption: str, scene: Scene) -> bool:
    """Tell whether a caption's prose names the place or the sky, as the description does."""
    prose = re.sub(r"#\w+", " ", caption.lower())
    return scene.place_phrase in prose or scene.sky_phrase in prose


def has_emoji(caption: str) -> bool:
    """Tell whether a caption holds an emoji."""
    return re.search("[\u2600-\u27bf\U0001f000-\U0001faff]", caption) is not None


def lively_caption(scenes: list[Scene], rng: random.Random, wish: Wish | None = None) -> str:
    """Return a caption in the social-media voice: warm words, emoji and hashtags."""
    wish = wish or Wish()
    if wish.alt_text:
        return plain_caption(scenes, rng, wish)
    return _fitting(lambda short: _lively(scenes, rng, wish, short), len(scenes), wish)


def plain_caption(scenes: list[Scene], rng: random.Random, wish: Wish | None = None) -> str:
    """Return a sober alternative text; emoji and hashtags only if they are asked for."""
    wish = wish or Wish()
    return _fitting(lambda short: _plain(scenes, rng, wish, short), len(scenes), wish)


def short_text(scene: Scene, rng: random.Random) -> str:
    """Return a title: what is there and one thing about it, without a full stop."""
    return _filled(rng.choice(said.PLAIN_SHORT), scene).rstrip(".")


def some_hashtags(scenes: list[Scene], rng: random.Random, number: int) -> list[str]:
    """Return this many different tags that suit the scenes, without the number sign."""
    tags = [rng.choice(said.TAGS[scene.subject]) for scene in scenes]
    settings = [where for scene in scenes for where in (scene.place, scene.sky)]
    rng.shuffle(settings)
    tags += [rng.choice(said.TAGS[where]) for where in settings]
    tags += rng.sample(said.MOOD_TAGS, len(said.MOOD_TAGS))
    return list(dict.fromkeys(tags))[:number]


def _fitting(draw: Callable[[bool], str], pictures: int, wish: Wish) -> str:
    """Draw captions, later on short ones, until one is short enough and avoids the words."""
    most = wish.most_characters or 10_000
    if wish.short:
        most = min(most, SHORT_CHARACTERS * pictures)
    avoided = [re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE) for word in wish.avoid]
    for number in range(_DRAWS):
        caption = draw(wish.short or number >= _DRAWS // 2)
        if len(caption) <= most and not any(word.search(caption) for word in avoided):
            break
    return caption


def _lively(scenes: list[Scene], rng: random.Random, wish: Wish, short: bool) -> str:
    cores: tuple[str, ...] = said.LIVELY_SHORT if short else said.LIVELY_CORES
    if wish.sober:
        cores = said.PLAIN_SHORT if short else said.PLAIN_CORES
    parts = [_core(scenes, rng, cores, short), *_mentions(wish, said.LIVELY_MENTIONS, rng)]
    if len(scenes) == 1 and not (short or wish.mentions or wish.sober or wish.no_emoji):
        parts.append(rng.choice(said.FEELINGS))
    if wish.emoji or (wish.emoji is None and not wish.sober):
        parts.append(_emoji(scenes, rng))
    if wish.question:
        parts.append(rng.choice(said.QUESTIONS))
    if wish.hashtags:
        least, most = wish.hashtags
        parts += _hashtags(scenes, rng, rng.randint(max(least, min(1, most)), most))
    elif not (short or wish.question):
        parts += _hashtags(scenes, rng, rng.choice((2, 2, 3)))
    return " ".join(part for part in parts if part)


def _plain(scenes: list[Scene], rng: random.Random, wish: Wish, short: bool) -> str:
    cores = said.PLAIN_SHORT if short else said.PLAIN_CORES
    parts = [_core(scenes, rng, cores, short), *_mentions(wish, said.PLAIN_MENTIONS, rng)]
    if len(scenes) == 1 and not (short or wish.mentions) and rng.random() < 0.5:
        parts.append(said.PLAIN_DETAILS[scenes[0].sky])
    if wish.emoji:
        parts.append(_emoji(scenes, rng))
    if wish.question:
        parts.append(rng.choice(("What do you see?", "What stands out to you?")))
    if wish.hashtags and not wish.alt_text:
        parts += _hashtags(scenes, rng, wish.hashtags[0])
    return " ".join(parts)


def _mentions(
    wish: Wish, sentences: Mapping[str, tuple[str, ...]], rng: random.Random
) -> list[str]:
    return [rng.choice(sentences[one.kind]).format(one.name) for one in wish.mentions]


def _core(scenes: list[Scene], rng: random.Random, cores: tuple[str, ...], short: bool) -> str:
    if len(scenes) == 1:
        return _filled(rng.choice(cores), scenes[0])
    told = [s.things if short else f"{s.things} {s.place_phrase} {s.sky_phrase}" for s in scenes]
    joined = f"{', '.join(told[:-1])} and {told[-1]}"
    lead = "" if short else rng.choice(("", "", "First "))
    if lead:
        joined = ", then ".join(told)
    text = lead + joined
    return (
        text[0].upper() + text[1:] + ("." if cores in (said.PLAIN_CORES, said.PLAIN_SHORT) else "!")
    )


def _filled(template: str, scene: Scene) -> str:
    things, sky, verb = scene.things, scene.sky_phrase, said.VERBS[scene.subject]
    if scene.count == 1:
        verb = "flies" if verb == "fly" else f"{verb}s"
    return template.format(
        things=things,
        Things=things[0].upper() + things[1:],
        place=scene.place_phrase,
        sky=sky,
        Sky=sky[0].upper() + sky[1:],
        verb=verb,
        is_are="is" if scene.count == 1 else "are",
    )


def _emoji(scenes: list[Scene], rng: random.Random) -> str:
    if len(scenes) > 1:
        return "".join(said.SUBJECT_EMOJI[scene.subject] for scene in scenes)
    scene = scenes[0]
    setting = said.SETTING_EMOJI[rng.choice((scene.place, scene.sky))]
    return said.SUBJECT_EMOJI[scene.subject] + setting + rng.choice(("", "", *said.MOOD_EMOJI))


def _hashtags(scenes: list[Scene], rng: random.Random, number: int) -> list[str]:
    return [f"#{tag}" for tag in some_hashtags(scenes, rng, number)]
