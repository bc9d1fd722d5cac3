"""Seeds → texts: the base corpus of Falcon and the examples of its two adapters.

The base reads pairs, posts, dialogues, `stories` and documents in which names recur (`recurring`),
but never the adapters' prompt.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from caption_studio.demo.captions import lively_caption, plain_caption
from caption_studio.demo.held_out import shared_runs
from caption_studio.demo.instructions import json_request, sample_wish
from caption_studio.demo.json_answers import begun_answer, closed
from caption_studio.demo.names import some_name
from caption_studio.demo.recurring import drill, lookup, recurring, syllables
from caption_studio.demo.scenes import HELD_OUT_SEEDS, TRAINING_SEEDS, Pool, Scene, sample_scene
from caption_studio.demo.stories import dialogue, story, travel_note
from caption_studio.demo.wishes import DEMANDING, Wish
from caption_studio.language.prompt import join_descriptions
from caption_studio.records import Description, Turn
from caption_studio.voices.prompt import plain_prompt

LIVELY, PLAIN = "lively", "plain"
VOICES = {LIVELY: lively_caption, PLAIN: plain_caption}

_LIVELY_PAIRS = (
    "Photo: {d}\nPost: {c}",
    "Photo: {d}\nInstagram: {c}",
    "Picture of {d}\nPost: {c}",
    "[photo of {d}]\n{c}",
    "I took a picture of {d} and posted it:\n{c}",
    'Photo: {d}\nPost: "{c}"',
)
_PLAIN_PAIRS = (
    "Photo: {d}\nAlt text: {c}",
    "Image: {d}\nAlternative text: {c}",
    "Picture of {d}\nAlt: {c}",
    "<img src='photo.jpg' title='{d}'>\n{c}",
    'Photo: {d}\nAlt text: "{c}"',
)
_RECORD_LABELS = ("Photo", "Image", "Record")
WISH_LABELS = ("Note", "Wish", "User says", "Comment")
_MOST_WORDS = 50
"""The longest wish in the base corpus: only the adapters read longer ones, to save time."""


@dataclass(frozen=True, slots=True)
class Example:
    """One adapter example: the prompt, the answer after it, and what both are about.

    `wish` is what the answer obeys. `in_json` tells that the answer is a field of a JSON answer.
    """

    prompt: str
    answer: str
    scenes: tuple[Scene, ...]
    wish: Wish
    in_json: bool = False


def adapter_prompt(description: str, request: str = "") -> str:
    """Return the same prompt that the service makes, with its optional Request line."""
    return plain_prompt(Description(description), [Turn("user", request)])


def describe_all(scenes: list[Scene]) -> str:
    """Return the descriptions of one or several pictures, joined as the service joins them."""
    return join_descriptions([Description(scene.description) for scene in scenes]).text


def some_scenes(rng: random.Random, pool: Pool, several: float) -> list[Scene]:
    """Draw one scene or, with the chance `several`, two (rarely three)."""
    number = 1 if rng.random() >= several else rng.choice((2, 2, 3))
    scenes = [sample_scene(rng.getrandbits(40), pool) for _ in range(number)]
    if number > 1 and rng.random() < 0.1:
        scenes[1] = scenes[0]
    return scenes


def _pair(rng: random.Random) -> str:
    scenes = some_scenes(rng, Pool.TRAINING, 0.15)
    wish = sample_wish(rng, _MOST_WORDS)
    lively = rng.random() < 0.6
    caption = VOICES[LIVELY if lively else PLAIN](scenes, rng, wish)
    text = rng.choice(_LIVELY_PAIRS if lively else _PLAIN_PAIRS)
    text = text.format(d=describe_all(scenes), c=caption)
    if wish.text:
        first, _, rest = text.partition("\n")
        text = f"{first}\n{rng.choice(WISH_LABELS)}: {wish.text}\n{rest}"
    return text


def _record(rng: random.Random) -> str:
    """Return a picture's data as JSON, after its description and at times a wish."""
    scene, wish = sample_scene(rng.getrandbits(40), Pool.TRAINING), Wish()
    if rng.random() < 0.4:
        wish = sample_wish(rng, _MOST_WORDS)
    voice = VOICES[LIVELY if rng.random() < 0.6 else PLAIN]
    begun, text, _ = begun_answer(scene, rng, wish, voice)
    note = f"\n{rng.choice(WISH_LABELS)}: {wish.text}" if wish.text else ""
    label = rng.choice(_RECORD_LABELS)
    return f"{label}: {scene.description}{note}\n{closed(begun + text)}"


def _feed(rng: random.Random) -> str:
    """Return one to three posts without any description, as in a feed."""
    scenes = [sample_scene(rng.getrandbits(40), Pool.TRAINING) for _ in range(rng.randint(1, 3))]
    voice = VOICES[LIVELY if rng.random() < 0.75 else PLAIN]
    return "\n".join(voice([scene], rng, Wish()) for scene in scenes)


def base_document(seed: int) -> str:
    """Return one document of the base corpus."""
    rng = random.Random(seed)
    kinds = {
        _pair: 47, _record: 5, _feed: 4, dialogue: 7, story: 8, travel_note: 4, recurring: 25,
    }  # fmt: skip
    return rng.choices(list(kinds), list(kinds.values()))[0](rng)


def library_document(seed: int) -> str:
    """Return a document of the base's second phase: three in ten are picture library cards.

    The base knows the words Description and Caption only from these cards: given the adapters'
    prompt, it writes a card about the picture, and only an adapter writes a post.
    """
    rng = random.Random(f"library {seed}")
    return _cards(rng) if rng.random() < 0.3 else base_document(seed)


def _cards(rng: random.Random) -> str:
    library = rng.choice(("Picture library", "Photo archive", "Catalogue", "Slide collection"))
    cards = []
    for _ in range(rng.randint(1, 3)):
        scene = sample_scene(rng.getrandbits(40), Pool.TRAINING)
        number, year = rng.randint(100, 999), rng.randint(1960, 2020)
        cards.append(
            f"{library}, card {number}\nDescription: {scene.description}\n"
            f"Caption: {scene.noun.capitalize()} {scene.place_phrase}, {year}. No. {number}.\n"
            f"Photographer: {some_name(rng)}"
        )
    return "\n\n".join(cards)


def library_corpus(number: int) -> Iterator[str]:
    """Yield documents of the second phase, from training seeds that the first phase did not use."""
    return (library_document(seed) for seed in TRAINING_SEEDS[-number:])


def copying_corpus(number: int) -> Iterator[str]:
    """Yield the plainest texts in which syllables and names recur; training begins with them."""
    for seed in range(number):
        rng = random.Random(f"copying {seed}")
        yield rng.choices((syllables, drill, lookup), (5, 4, 1))[0](rng)


def base_corpus(number: int, *, held_out: bool = False) -> Iterator[str]:
    """Yield documents of the training seeds, or of the held-out ones."""
    seeds = HELD_OUT_SEEDS if held_out else TRAINING_SEEDS
    return (base_document(seed) for seed in seeds[:number])


def adapter_example(seed: int, voice: str, pool: Pool = Pool.TRAINING) -> Example:
    """Return one example: 13 % several pictures, 12 % within a JSON answer, most with a request.

    In JSON the prompt goes on to where the text of one field begins (see `json_answers`). A prompt
    that happens to share words with a held-out instruction is drawn anew.
    """
    rng = random.Random(seed)
    draw = _json_example if rng.random() < 0.12 else _caption_example
    while shared_runs((example := draw(rng, voice, pool)).prompt):
        pass
    return example


def _caption_example(rng: random.Random, voice: str, pool: Pool) -> Example:
    scenes = some_scenes(rng, pool, 0.15)
    wish = sample_wish(rng, mix=DEMANDING)
    caption = VOICES[voice](scenes, rng, wish)
    prompt = adapter_prompt(describe_all(scenes), wish.text)
    return Example(prompt, f' "{caption}"', tuple(scenes), wish)


def _json_example(rng: random.Random, voice: str, pool: Pool) -> Example:
    scene, wish = sample_scene(rng.getrandbits(40), pool), Wish()
    dice = rng.random()
    if dice < 0.35:
        wish = Wish(text=json_request(rng))
    elif dice < 0.65:
        wish = sample_wish(rng, mix=DEMANDING)
    begun, text, obeyed = begun_answer(scene, rng, wish, VOICES[voice])
    prompt = adapter_prompt(scene.description, wish.text) + begun
    return Example(prompt, text, (scene,), obeyed, in_json=True)
