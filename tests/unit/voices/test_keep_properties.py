"""Whatever the text and the controls, what can be kept by construction is kept."""

import unicodedata

import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caption_studio.hashtags import find_hashtags
from caption_studio.records import Controls
from caption_studio.voices.keeping.checks import most_characters
from caption_studio.voices.keeping.keep import keep
from caption_studio.voices.platforms import PLATFORMS

DESCRIPTION = "two black cats sleeping beside wooden barrels under snowy mountains"
PIECES = (
    "sunset sunsets Sünset SUNSET's sun the a an and with of over cats two #sunset #SunsetLovers "
    "#sea #Sea \uff03東京 東京 夜景 ## # ! . , ; — ( ) “ ” ' \u2019s \" 🔥 ❤️ 👨‍👩‍👧 🇩🇪 🇩 1️⃣ #️⃣ 👍🏽 "
    "© ™ \u200d \ufe0f \u0301 \u20e3 \u200b new york New-York x#y http://a.b/c#d é ß ﬁ ﷺ क्षि สวัสดี "
    "l' d\u2019 @me & / café".split(" ")
)
TEXTS = st.one_of(
    st.text(max_size=120),
    st.lists(st.sampled_from([*PIECES, " ", " ", " ", "\n", "  "]), max_size=40).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join),
)
TERMS = st.lists(
    st.one_of(st.sampled_from([*PIECES, "new york", "the sea", ""]), st.text(max_size=4)),
    max_size=4,
).map(tuple)
CONTROLS = st.builds(
    Controls,
    platform=st.none() | st.sampled_from(sorted(PLATFORMS)),
    length=st.none() | st.sampled_from(["short", "medium", "long"]) | st.integers(1, 100),
    hashtags=st.none() | st.integers(0, 8),
    emoji=st.none() | st.booleans(),
    avoid=TERMS,
)
MANY = settings(
    max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@MANY
@given(TEXTS, CONTROLS)
def test_what_cutting_can_keep_is_kept(text: str, controls: Controls) -> None:
    held = dict(keep(text, controls, DESCRIPTION).held)
    if controls.emoji:
        held.pop("emoji")
    if controls.hashtags and (controls.length is not None or controls.avoid):
        held.pop("hashtags")  # they may not fit, or each word may hold a word to avoid
    assert all(held.values()), held


@MANY
@given(TEXTS, st.integers(0, 5), st.none() | st.integers(90, 200), st.booleans())
def test_hashtags_that_fit_are_there(
    text: str, number: int, length: int | None, emoji: bool
) -> None:
    controls = Controls(hashtags=number, length=length, emoji=emoji or None)
    own = sum(len(tag.word) + 2 for tag in find_hashtags(text))
    if length is None or own < 20:
        assert keep(text, controls, DESCRIPTION).held["hashtags"]


@MANY
@given(TEXTS, CONTROLS)
def test_keeping_is_idempotent(text: str, controls: Controls) -> None:
    once = keep(text, controls, DESCRIPTION)
    assert keep(once.text, controls, DESCRIPTION) == once


@MANY
@given(TEXTS, CONTROLS)
def test_a_text_grows_only_by_hashtags(text: str, controls: Controls) -> None:
    kept = keep(text, controls, DESCRIPTION).text
    tags = sum(len(tag.word) + 2 for tag in find_hashtags(kept))
    assert len(kept) - tags <= len(text)


@MANY
@given(TEXTS)
def test_without_controls_nothing_changes(text: str) -> None:
    assert keep(text, Controls(), DESCRIPTION).text == text


@MANY
@given(TEXTS)
def test_no_emoji_is_left_by_unicodes_own_properties(text: str) -> None:
    kept = keep(text, Controls(emoji=False), "").text
    assert not regex.search(r"\p{Emoji_Presentation}|\uFE0F|\u20E3|\p{Regional_Indicator}", kept)
    letters = [c for c in text if unicodedata.category(c)[0] in "LN" or c == "#"]
    assert [c for c in kept if unicodedata.category(c)[0] in "LN" or c == "#"] == letters


@MANY
@given(TEXTS, st.integers(1, 60))
def test_a_cut_is_a_beginning_at_a_graphemes_end(text: str, length: int) -> None:
    kept = keep(text, Controls(length=length), "").text
    assert len(kept) <= length
    if find_hashtags(text):
        return  # hashtags at the end move up
    assert text.strip().startswith(kept.strip())
    ends = {0}
    for grapheme in regex.findall(r"\X", text):
        ends.add(max(ends) + len(grapheme))
    assert text.find(kept.strip()) + len(kept.strip()) in ends


@MANY
@given(st.text(alphabet="abc #.,'s", max_size=60), st.sampled_from(["a", "abc", "b c", "cab"]))
def test_no_word_is_left_by_a_naive_search(text: str, term: str) -> None:
    kept = keep(text, Controls(avoid=(term,)), "").text
    assert not regex.search(rf"(?<![#'\w]){term}(?![\w'])", kept)


@pytest.mark.parametrize(
    "piece", ["#", "#a", "# ", "🔥", "a 🔥", "x#y", " ", "sunset ", "🇩", "\u0301"]
)
def test_a_long_text_is_kept_as_well(piece: str) -> None:
    """A step whose work grows with the square of the length would take minutes here."""
    controls = Controls("threads", None, 9_000, 9, False, avoid=("sunset", "x y", "'"))
    held = keep(piece * (20_000 // len(piece)), controls, DESCRIPTION).held
    assert held == {name: True for name in ("platform", "length", "hashtags", "emoji", "avoid")}


@MANY
@given(st.sampled_from(["short", "medium", "long"]) | st.integers(1, 9))
def test_a_length_is_a_number_of_characters(length: str | int) -> None:
    assert 0 < most_characters(length) <= 320
