"""The texts of training: what they are like, and that the held-out ones are not among them."""

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import pytest

from caption_studio.demo.corpus import PLAIN, adapter_example, base_document
from caption_studio.demo.grammar import grammar
from caption_studio.demo.held_out import (
    held_out_instructions,
    refuse_held_out,
    runs,
    shared_runs,
)
from caption_studio.demo.instructions import (
    long_wish,
    sample_wish,
    short_wish,
    written_wish,
)
from caption_studio.demo.wishes import OCCASIONS, ORDINARY, Wish
from caption_studio.demo.written import written_texts

TEXTS = 2_000
FILLED = "placeholder"
LEAST_LITERAL = 4
"""Words of a template that a run of six must share with it: the others stand in its places."""


def held_out_by_place() -> dict[tuple[int, str], set[tuple[str, ...]]]:
    """The held-out runs that have a word at a place, by both."""
    found = defaultdict(set)
    for one in held_out_instructions():
        for run in runs(one.text):
            for at, word in enumerate(run):
                found[at, word].add(run)
    return found


def templates() -> Iterator[str]:
    yield from (one.text for one in written_texts())
    for name in ("instructions", "recurring"):
        for phrases in grammar(name).phrases.values():
            yield from phrases


def test_no_template_shares_six_words_in_a_row_with_a_held_out_instruction():
    """A place in a template may hold one, two or three words."""
    held_out = held_out_by_place()
    shared = set()
    for template in templates():
        for number in (1, 2, 3) if "{" in template else (1,):
            for run in runs(re.sub(r"\{\w*\}", f" {FILLED}" * number, template)):
                literal = [(at, word) for at, word in enumerate(run) if word != FILLED]
                if len(literal) >= LEAST_LITERAL and set.intersection(
                    *(held_out.get(one, set()) for one in literal)
                ):
                    shared.add(template)
    assert not shared


def test_no_training_text_shares_six_words_in_a_row_with_a_held_out_instruction():
    """Training itself checks all of its texts."""
    for seed in range(TEXTS):
        wish = sample_wish(random.Random(f"run {seed}"))
        texts = (wish.text, base_document(seed), adapter_example(seed, PLAIN).prompt)
        assert not any(shared_runs(text) for text in texts)


def test_training_refuses_a_text_that_holds_six_words_of_a_held_out_instruction():
    words = held_out_instructions()[40].text.split()
    with pytest.raises(ValueError, match="held-out"):
        refuse_held_out(["A red car.", "Well: " + " ".join(words[:6]).upper()])
    refuse_held_out(["A red car.", "Well: " + " ".join(words[:5])])


def test_texts_depend_on_their_seed_alone_and_hardly_repeat():
    assert sample_wish(random.Random(7)) == sample_wish(random.Random(7))
    texts = [long_wish(random.Random(seed)).text for seed in range(2_000)]
    assert len(set(texts)) > 1_990


def test_long_texts_have_all_lengths_from_5_to_80_words():
    words = [len(long_wish(random.Random(seed)).text.split()) for seed in range(1_000)]
    assert max(words) <= 90
    for least, most in ((1, 20), (21, 40), (41, 60), (61, 90)):
        assert 0.12 < sum(least <= number <= most for number in words) / len(words) < 0.4


def test_a_limit_of_words_is_kept_but_for_the_wishes_themselves():
    words = [len(long_wish(random.Random(seed), 20).text.split()) for seed in range(500)]
    assert max(words) <= 50
    assert sum(number <= 20 for number in words) > 400


def phrased_wish(rng: random.Random) -> Wish:
    """Draw any text but a written one, which says its wishes in words of its own."""
    return sample_wish(rng, mix=replace(ORDINARY, written=0.0))


@pytest.mark.parametrize("draw", [short_wish, long_wish, phrased_wish])
def test_the_text_says_each_wish(draw):
    words_of = {
        "no_hashtags": r"tags?\b|#",
        "no_emoji": r"emo(ji|ticon)|smiley",
        "question": r"quer|ask|repl|answer|question|interrogat|[ei]nquir|quiz|\"",
        "alt_text": r"alt|screen|blind|see|access|sight|vis(ual|ion)|eyes|equiv|read to|assist"
        r"|look|hear|ears|braille|cane|guide dog",
    }
    for seed in range(1_000):
        wish = draw(random.Random(seed))
        for name, pattern in words_of.items():
            if getattr(wish, name):
                assert re.search(pattern, wish.text.lower()), wish
        for mention in wish.mentions:
            text = wish.text.lower() if mention.name in OCCASIONS else wish.text
            assert (mention.name.lower() if mention.name in OCCASIONS else mention.name) in text


def test_no_text_has_a_place_that_was_not_filled_or_a_line_break():
    for seed in range(2_000):
        text = sample_wish(random.Random(seed)).text
        assert "{" not in text
        assert "\n" not in text
        assert text == " ".join(text.split())


def test_a_written_text_has_the_wishes_of_its_marks_and_its_name():
    rng = random.Random(0)
    for _ in range(2_000):
        wish = written_wish(rng)
        assert all(mention.name in wish.text for mention in wish.mentions)
        assert "{" not in wish.text
        assert "[[" not in wish.text


def test_a_short_text_is_short():
    words = [len(short_wish(random.Random(seed)).text.split()) for seed in range(1_000)]
    assert sum(number <= 12 for number in words) > 850
