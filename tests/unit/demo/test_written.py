import random

import pytest

from caption_studio.demo.wishes import wish_of
from caption_studio.demo.written import NAME, Bearing, drawn, parsed, written_texts

LINE = (
    "no hashtags, short + mention city | [[No tags.]] It rained. My dog: wet. "
    "[[In four words, name {name}!]]"
)


def test_a_line_is_read_into_its_text_its_wishes_and_its_story():
    one = parsed(LINE)
    assert one.text == "No tags. It rained. My dog: wet. In four words, name {name}!"
    assert one.kinds == ("no hashtags", "short", "mention city")
    assert one.bearings == (
        Bearing(("no hashtags",), "No tags."),
        Bearing(("short", "mention city"), "In four words, name {name}!"),
    )
    assert one.story == ("It rained.", "My dog: wet.")
    assert one.stands_alone


def test_a_text_without_a_wish_is_all_story():
    one = parsed("none | Gran took it. Make it warm.")
    assert (one.kinds, one.bearings) == ((), ())
    assert one.story == ("Gran took it.", "Make it warm.")


def test_wishes_whose_name_stands_in_the_story_keep_it():
    assert not parsed("mention city | The town is {name}. [[Say so.]]").stands_alone


@pytest.mark.parametrize("line", ["short | No marks.", "none | [[Short.]]", "short | [[a]] [[b]]"])
def test_a_line_whose_marks_are_not_as_many_as_its_wishes_is_refused(line):
    with pytest.raises(ValueError, match="zip"):
        parsed(line)


def test_each_line_of_the_file_has_known_wishes_that_go_together_and_a_name_if_it_needs_one():
    for one in written_texts():
        wish, name = wish_of(one.kinds, random.Random(0))
        assert bool(name) == bool(wish.mentions) == (NAME in one.text)
        assert not (wish.alt_text and wish.question), one.text
        assert sum(kind.startswith("mention") for kind in one.kinds) <= 1
        assert sum("hashtags" in kind for kind in one.kinds) <= 1
        assert len(one.text.split()) <= 90


def test_texts_are_many_and_none_comes_twice():
    texts = [one.text.lower() for one in written_texts()]
    assert len(texts) == len(set(texts)) > 3_000


def test_half_of_the_texts_get_another_story_and_keep_all_words_that_bear_a_wish():
    rng = random.Random(1)
    known = {one.text for one in written_texts()}
    texts = [drawn(rng, 80) for _ in range(1_000)]
    assert 300 < sum(one.text not in known for one in texts) < 550
    for one in texts:
        assert all(bearing.words in one.text for bearing in one.bearings)
