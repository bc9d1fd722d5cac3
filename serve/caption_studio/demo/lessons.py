"""Seeds → lessons in obeying: a description, then notes, each with the post that obeys it.

The base learns from them to obey; the adapters then need to learn their prompt and voice only. The
same picture under different notes shows what a note changes.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from caption_studio.demo.captions import ALL_EMOJI, lively_caption, plain_caption
from caption_studio.demo.corpus import WISH_LABELS, describe_all, library_document, some_scenes
from caption_studio.demo.held_out import shared_runs
from caption_studio.demo.instructions import sample_wish
from caption_studio.demo.scenes import TRAINING_SEEDS, Pool, Scene
from caption_studio.demo.wishes import DEMANDING, Wish, wish_of
from caption_studio.demo.written import NAME, single_wishes, story_sentences

_MOST_WORDS = 45
_LIVELY_LABELS = ("Post", "Post", "Instagram")
_PLAIN_LABELS = ("Alt text", "Alternative text")
_HEADS = ("Photo: {}", "Picture of {}", "[photo of {}]", "Image: {}")
_NOTE_LABELS = ("Request", "Request", "Request", "Request", *WISH_LABELS)
"""The adapters' prompt says Request: an adapter obeys what its base has learnt to read."""

_EMOJI = "".join(ALL_EMOJI)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A document in parts, and whether each part is learnt or only read."""

    parts: tuple[tuple[str, bool], ...]

    @property
    def text(self) -> str:
        """The whole document."""
        return "".join(text for text, _ in self.parts)

    @property
    def learnt(self) -> list[bool]:
        """For each character, whether it is learnt."""
        return [learnt for text, learnt in self.parts for _ in text]


def lesson(rng: random.Random) -> Lesson:
    """Return a description with one to four notes and their posts."""
    scenes = some_scenes(rng, Pool.TRAINING, 0.1)
    lively = rng.random() < 0.7
    voice, labels = (lively_caption, _LIVELY_LABELS) if lively else (plain_caption, _PLAIN_LABELS)
    label, quote = rng.choice(labels), rng.choice(("", '"'))
    parts = [(rng.choice(_HEADS).format(describe_all(scenes)) + "\n", False)]
    for _ in range(rng.choice((1, 1, 2, 2, 3, 4))):
        wish = sample_wish(rng, _MOST_WORDS, DEMANDING)
        note = f"{rng.choice(_NOTE_LABELS)}: {wish.text}\n" if wish.text else ""
        parts += [(f"{note}{label}:", False), (f" {quote}", True)]
        parts += [*decided(voice(scenes, rng, wish), scenes), (f"{quote}\n", True)]
    return Lesson(tuple(parts))


def decided(caption: str, scenes: list[Scene]) -> list[tuple[str, bool]]:
    """Return a caption in parts; learnt is where it shows whether it obeys.

    Not learnt is what follows from the description or is drawn at random: the words of the scenes,
    the tags after their number signs, and all emoji of a row but the first.
    """
    given = [words for scene in scenes for words in _given(scene)]
    pattern = "|".join((*map(re.escape, given), r"(?<=#)\w+", rf"(?<=[{_EMOJI}])[{_EMOJI}]+"))
    parts, end = [], 0
    for found in re.finditer(pattern, caption, re.IGNORECASE):
        parts += [(caption[end : found.start()], True), (found[0], False)]
        end = found.end()
    return [*parts, (caption[end:], True)]


def _given(scene: Scene) -> tuple[str, ...]:
    """Return the words of a description that a caption repeats; where to begin is decided."""
    phrases = (scene.things, scene.place_phrase, scene.sky_phrase)
    return tuple(phrase[phrase.index(" ") :] for phrase in phrases)


def checklist(rng: random.Random) -> Lesson:
    """Return notes, each with a list of some of its wishes."""
    parts = []
    for _ in range(rng.randint(2, 5)):
        wish = _note(rng)
        wished = _wished(wish)
        parts.append((f"{rng.choice(_NOTE_LABELS)}: {wish.text}", False))
        for name in rng.sample(list(wished), rng.randint(2, len(wished))):
            parts += [(f"\n{name}:", False), (f" {wished[name]}", True)]
        parts.append(("\n", True))
    return Lesson(tuple(parts))


def single_sentences(rng: random.Random) -> Lesson:
    """Return many notes, most of one sentence, each followed by its wishes, or by "Nothing".

    In so short a note it is clear which words say the wish. Only the kinds of `_wished` count.
    """
    unwished, parts = _wished(Wish()), []
    for _ in range(rng.randint(5, 12)):
        wish = _sentence(rng) if rng.random() < 0.8 else _note(rng)
        listed = _wished(wish).items()
        wished = [f"{name}: {says}" for name, says in listed if says != unwished[name]]
        parts.append((f"{rng.choice(_NOTE_LABELS)}: {wish.text}\n", False))
        parts.append(("\n".join(wished or ["Nothing"]) + "\n", True))
    return Lesson(tuple(parts))


def _note(rng: random.Random) -> Wish:
    """Draw a wish that has a text."""
    while not (wish := sample_wish(rng, _MOST_WORDS, DEMANDING)).text:
        pass
    return wish


def _sentence(rng: random.Random) -> Wish:
    """Return the words of one wish as somebody wrote them, or a sentence that asks for nothing."""
    if rng.random() < 0.3:
        return Wish(text=rng.choice(story_sentences()))
    said = rng.choice(single_wishes())
    wish, name = wish_of(said.kinds, rng)
    return replace(wish, text=rng.choice(said.wishes).replace(NAME, name))


def _wished(wish: Wish) -> dict[str, str]:
    """Return what a note wishes, by the names of the list."""
    yes_or_no = {True: "yes", False: "no", None: "any"}
    hashtags = "any"
    if wish.hashtags is not None:
        least, most = wish.hashtags
        hashtags = "no" if not most else "yes" if least else f"up to {most}"
    return {
        "Hashtags": hashtags,
        "Emoji": yes_or_no[wish.emoji],
        "Length": "short" if wish.short else "any",
        "Question": yes_or_no[wish.question],
        "For screen readers": yes_or_no[wish.alt_text],
        "Names": ", ".join(one.name for one in wish.mentions) or "none",
    }


def lesson_corpus(number: int, first: int = 0) -> Iterator[str | Lesson]:
    """Yield lessons from the training seed `first` on, and of every five documents a base's one.

    A lesson that happens to share words with a held-out instruction is drawn anew.
    """
    for seed in TRAINING_SEEDS[first : first + number]:
        if seed % 5 == 0:
            yield library_document(seed)
        else:
            rng = random.Random(f"lesson {seed}")
            (draw,) = rng.choices((lesson, checklist, single_sentences), (5, 2, 3))
            while shared_runs((one := draw(rng)).text):
                pass
            yield one
