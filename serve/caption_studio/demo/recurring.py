"""Random choices → documents in which made-up names and words recur, for the base corpus.

A model learns to copy where copying pays: each name here is new, so that nothing but the text
before can tell how it goes on. Captions that mention a name need nothing else.
"""

import random

from caption_studio.demo.grammar import grammar
from caption_studio.demo.names import some_name, some_place
from caption_studio.demo.scenes import Pool, Scene, sample_scene

_CONSONANTS = tuple("bdfgklmnprstvz")
_VOWELS = tuple("aeiou")


def _say(symbol: str, rng: random.Random, **values: str) -> str:
    text = grammar("recurring").say(symbol, rng, values)
    return text[0].upper() + text[1:]


def _scene(rng: random.Random) -> Scene:
    return sample_scene(rng.getrandbits(40), Pool.TRAINING)


def _any(rng: random.Random) -> str:
    return some_name(rng, 0.95) if rng.random() < 0.5 else some_place(rng, 0.95)


def syllables(rng: random.Random) -> str:
    """Return a row of random syllables, most of them one token, said two to four times."""
    row = [rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(rng.randint(4, 14))]
    return rng.choice((" ", " ", "\n", " | ")).join([" ".join(row)] * rng.randint(2, 4))


def drill(rng: random.Random) -> str:
    """Return lines that repeat a list of names, as the plainest text in which copying pays."""
    names = [_any(rng) for _ in range(rng.randint(1, 6))]
    joined = rng.choice((", ", " ", "; ", " and ", "\n", ", then ", " - "))
    line = joined.join(names)
    heads = rng.choice((("", ""), ("List: ", "Again: "), ("Said: ", "Heard: "), ("In: ", "Out: ")))
    lines = [heads[0] + line] + [heads[1] + line] * rng.randint(1, 3)
    return rng.choice(("\n", "\n", ". ")).join(lines)


def lookup(rng: random.Random) -> str:
    """Return a table of names and values, then questions about some of them."""
    keys = [_any(rng) for _ in range(rng.randint(2, 5))]
    values = [rng.choice((_any, lambda r: str(r.randint(2, 99))))(rng) for _ in keys]
    pairs = list(zip(keys, values, strict=True))
    form = rng.choice(("{}: {}", "{} = {}", "{} lives in {}", "{} has {}", "{}, {}"))
    table = rng.choice(("\n", ". ", "; ")).join(form.format(*pair) for pair in pairs)
    asked = rng.sample(pairs, rng.randint(1, len(pairs)))
    return f"{table}\n" + "\n".join(form.format(*pair) for pair in asked)


def echo(rng: random.Random) -> str:
    """Return a short conversation in which a name is asked for, or said after somebody."""
    name, place = some_name(rng, 0.95), some_place(rng, 0.95)
    lines = []
    for _ in range(rng.randint(1, 3)):
        asked, _, answered = _say("echo", rng, n=name, c=place).partition(" => ")
        lines.append(f"User: {asked}\nAssistant: {answered}")
        if rng.random() < 0.4:
            name, place = some_name(rng, 0.95), some_place(rng, 0.95)
    return "\n".join(lines)


def letter(rng: random.Random) -> str:
    """Return a letter or note about a place, in which names of two people and the place recur."""
    names = {"n": some_name(rng, 0.9), "m": some_name(rng, 0.9), "c": some_place(rng, 0.9)}
    body = [
        _say("letter", rng, x=_scene(rng).description, **names) for _ in range(rng.randint(2, 5))
    ]
    dear, yours = _say("dear", rng, **names), _say("yours", rng, **names)
    return f"{dear}\n{' '.join(body)}\n{yours}"


def talk(rng: random.Random) -> str:
    """Return a dialogue of two or three people who are named before each line."""
    people = [some_name(rng, 0.9) for _ in range(rng.choice((2, 2, 3)))]
    place = some_place(rng, 0.9)
    lines = []
    for number in range(rng.randint(3, 7)):
        speaker, other = people[number % len(people)], people[(number + 1) % len(people)]
        said = _say("talk", rng, n=speaker, m=other, c=place, x=_scene(rng).description)
        lines.append(f"{speaker}: {said}")
    return "\n".join(lines)


def guests(rng: random.Random) -> str:
    """Return a list of names, and the same names once more in sentences or in another list."""
    names = [some_name(rng, 0.95) for _ in range(rng.randint(2, 6))]
    place = some_place(rng, 0.95)
    head = f"{_say('guests', rng, c=place)}: {', '.join(names)}"
    again = rng.sample(names, len(names))
    lines = [_say("guest", rng, n=name, c=place) for name in again]
    return head + "\n" + rng.choice(("\n", " ")).join(lines)


RECURRING = (drill, lookup, echo, letter, talk, guests)


def recurring(rng: random.Random) -> str:
    """Return one of these documents."""
    return rng.choice(RECURRING)(rng)
