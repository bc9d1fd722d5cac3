import random
import re

import pytest

from caption_studio.demo import written
from caption_studio.demo.names import HELD_OUT_CITIES, HELD_OUT_NAMES
from caption_studio.demo.wishes import wish_of
from caption_studio.demo.written import NAME, Written, drawn, parsed, story_sentences, written_texts

ABOUT_HASHTAGS = {
    "no hashtags",
    "hashtags wanted",
    *(f"at most {most} hashtags" for most in (1, 2, 3)),
}
MENTIONS = {f"mention {kind}" for kind in ("city", "person", "birthday")}
OTHERS = {"no emoji", "emoji wanted", "short", "question", "alt text"}
ONE_AT_MOST = (
    ABOUT_HASHTAGS,
    MENTIONS,
    {"alt text", "question"},
    {"no emoji", "emoji wanted"},
    {"alt text", "emoji wanted"},
    {"alt text", "hashtags wanted"},
)

LINE = (
    "short + mention city, no hashtags | [[No tags.]] It rained on Mr. Poe. My dog: wet. "
    "[[In four words, name {name}!]] Thanks, you"
)
TEXT = "No tags. It rained on Mr. Poe. My dog: wet. In four words, name {name}! Thanks, you"
WISHES = ("No tags.", "In four words, name {name}!")
STORY = ("It rained on Mr. Poe.", "My dog: wet.", "Thanks, you")


def test_a_line_is_read_into_its_kinds_its_text_its_wishes_and_its_story():
    kinds = ("short", "mention city", "no hashtags")
    assert parsed(LINE) == Written(kinds, TEXT, WISHES, STORY, whole=False)


def test_a_text_without_a_wish_is_all_story():
    one = parsed("none | Gran took it. Make it warm.")
    assert (one.kinds, one.wishes) == ((), ())
    assert one.story == ("Gran took it.", "Make it warm.")


def test_parts_of_a_sentence_that_says_a_wish_are_no_story():
    one = parsed("no emoji | It rained. Today, [[no smileys]], for Gran. She is old.")
    assert one.wishes == ("no smileys",)
    assert one.story == ("It rained.", "She is old.")


@pytest.mark.parametrize(
    "line",
    [
        "whole: no emoji | He hates them. [[So none of those.]]",
        "mention city | The town is {name}. [[Say so.]]",
    ],
)
def test_a_text_that_is_only_understood_whole_is_not_taken_apart(line, monkeypatch):
    only(monkeypatch, line)
    assert {drawn(random.Random(seed), 80)[1] for seed in range(20)} == {parsed(line).text}
    assert written.story_sentences() == ()


@pytest.mark.parametrize("line", ["short | No marks.", "none | [[Short.]]"])
def test_a_line_whose_marks_do_not_fit_is_refused_with_the_line(line):
    with pytest.raises(ValueError, match=re.escape(line)):
        parsed(line)


def test_half_of_the_texts_have_other_sentences_around_the_same_wishes(monkeypatch):
    only(monkeypatch, LINE, "none | The cat slept. Gran laughed a lot!")
    texts = [drawn(random.Random(seed), 40)[1] for seed in range(400)]
    others = [text for text in texts if all(wish in text for wish in WISHES) and text != TEXT]
    assert 60 < len(others) < 140
    assert any("The cat slept." in text for text in others)
    assert any(text in (" ".join(WISHES), " ".join(WISHES[::-1])) for text in others)


def test_other_sentences_fill_a_text_up_to_the_limit_only(monkeypatch):
    only(monkeypatch, LINE)
    texts = {drawn(random.Random(seed), 14)[1] for seed in range(400)} - {TEXT}
    words = {len(text.replace(" - ", " ").split()) for text in texts}
    assert (min(words), max(words)) == (7, 14)


def test_each_line_of_the_file_has_known_wishes_that_go_together_and_a_name_if_it_needs_one():
    for one in written_texts():
        assert set(one.kinds) <= ABOUT_HASHTAGS | MENTIONS | OTHERS, one
        assert all(len(group & set(one.kinds)) <= 1 for group in ONE_AT_MOST), one
        _, name = wish_of(one.kinds, random.Random(0))
        assert bool(name) == (NAME in one.text)
        assert len(one.text.split()) <= 90


def test_no_line_holds_a_name_whose_copies_are_counted():
    for one in written_texts():
        assert not any(name in one.text for name in (*HELD_OUT_NAMES, *HELD_OUT_CITIES)), one


def test_single_wishes_are_of_texts_with_one_wish_that_may_be_taken_apart(monkeypatch):
    line = "no emoji | We had rain. [[No emoji.]]"
    others = ("whole: short | [[As short as he was.]]", "short, question | [[A brief question.]]")
    only(monkeypatch, line, *others, "none | We had rain.")
    assert written.single_wishes.__wrapped__() == (parsed(line),)


def test_texts_are_many_and_none_comes_twice():
    texts = [one.text.lower() for one in written_texts()]
    assert len(texts) == len(set(texts)) > 6_000


def only(monkeypatch, *lines):
    """Have the file hold these lines alone."""
    texts = tuple(map(parsed, lines))
    monkeypatch.setattr(written, "written_texts", lambda: texts)
    monkeypatch.setattr(written, "story_sentences", story_sentences.__wrapped__)
