"""What a caption can be held to is read out of a request, and nothing that it does not say."""

import pytest

from caption_studio.training.evaluation.measures.instructions import asked


@pytest.mark.parametrize(
    ("request_", "read"),
    [
        ("no hashtags", "no_hashtags"),
        ("Please leave out the hashtags and use emoji", "no_hashtags emoji_at_least:1"),
        ("I don\u2019t want any hashtags", "no_hashtags"),
        ("without using any emojis", "no_emoji"),
        ("I don't like emojis", "no_emoji"),
        ("hashtag-free please", "no_hashtags"),
        ("leave the hashtags out", "no_hashtags"),
        ("no emoji or hashtags", "no_hashtags no_emoji"),
        ("no emoji but three hashtags", "hashtags_exactly:3 no_emoji"),
        ("0 hashtags", "no_hashtags"),
        ("at most two hashtags", "hashtags_at_most:2"),
        ("No more than 3 hashtags!", "hashtags_at_most:3"),
        ("2 hashtags max", "hashtags_at_most:2"),
        ("fewer than four hashtags", "hashtags_at_most:3"),
        ("at least 2 hashtags", "hashtags_at_least:2"),
        ("more than one hashtag", "hashtags_at_least:2"),
        ("exactly three hashtags", "hashtags_exactly:3"),
        ("with 1 hashtag", "hashtags_exactly:1"),
        ("two or three hashtags", "hashtags_at_least:2 hashtags_at_most:3"),
        ("between 2 and 4 hashtags", "hashtags_at_least:2 hashtags_at_most:4"),
        ("no more than one or two hashtags", "hashtags_at_most:2"),
        ("add some relevant hashtags", "hashtags_at_least:1"),
        ("use no more than one emoji", "emoji_at_most:1"),
        ("with emoji", "emoji_at_least:1"),
        ("Drop every hashtag.", "no_hashtags"),
        ("not a single hashtag", "no_hashtags"),
        ("never again use hashtags", "no_hashtags"),
        ("Neither emoji nor hashtags", "no_hashtags no_emoji"),
        ("Hashtags look odd in print, so leave them out.", "no_hashtags"),
        ("Our screen cannot show emoji, so none of those.", "no_emoji"),
        ("Please refrain from using emoji", "no_emoji"),
        ("Cut the hashtags down to two at the most.", "hashtags_at_most:2"),
        ("Two hashtags are plenty", "hashtags_at_most:2"),
        ("She never has more than two hashtags", "hashtags_at_most:2"),
        ("at most 80 characters", "characters_at_most:80"),
        ("under 100 characters", "characters_at_most:99"),
        ("in ten words or less", "words_at_most:10"),
        ("Keep this to fifteen words at most", "words_at_most:15"),
        ("a five-word caption", "words_exactly:5"),
        ("exactly 12 words", "words_exactly:12"),
        ("keep it short", "short"),
        ("a very short caption", "short"),
        ("just a few words", "short"),
        ("be brief", "short"),
        ("short, no emoji, in German", "no_emoji short language:German"),
        ("ask a question", "question"),
        ("Please finish with a question", "question"),
        ("ask my followers something", "question"),
        ("the last line should be a question", "question"),
        ("finish with a question mark", "question"),
        ("Short and sweet please", "short"),
        ("we want short captions only", "short"),
        ("as alt text", "alt_text"),
        ("write alternative text for a screen reader", "alt_text"),
        ("in French please", "language:French"),
        ("auf Deutsch", "language:German"),
        ("mention our trip to Lisbon", "mention:Lisbon"),
        ("Mention the Blue Door Bakery", "mention:Blue Door Bakery"),
        ("Mention 'the old mill' and no hashtags", "no_hashtags mention:the old mill"),
        ("We were in Rio de Janeiro last week", "mention:Rio de Janeiro"),
        ("This is for Anna's birthday", "mention:Anna"),
        ("Include Tobias", "mention:Tobias"),
        ("put the name Trieste in", "mention:Trieste"),
        ("Trieste must be mentioned", "mention:Trieste"),
        ("Birthday greetings to Delphine", "mention:Delphine"),
        ("Say that it's Positano", "mention:Positano"),
        ("don't mention Anna", "no_mention:Anna"),
        ("without the words red, blue", "without_word:red without_word:blue"),
    ],
)
def test_read(request_: str, read: str) -> None:
    found = [f"{one.kind}:{one.number or one.text}".rstrip(":") for one in asked(request_)]
    assert " ".join(found) == read


@pytest.mark.parametrize(
    "request_",
    [
        "",
        "Write a caption for this picture.",
        "Caption this for Instagram please",
        "don't forget the hashtags",
        "Don't skip the hashtags",
        "one of the hashtags should be #sea",
        "about ten words",
        "not too short please",
        "a short video of two dogs",
        "in two sentences",
        "don't ask a question",
        "taken in Greek islands",
        "in Russian",
        "not in French",
        "the picture has 3 words on it",
        "no need to mention Anna",
        "mention emoji",
        "this is not alt text",
        "Kein Hashtag bitte",
        "My last caption had nine hashtags",
        "I'm fine with hashtags",
        "be brief in meetings, they told me",
        "our screen reader broke",
        "it shows as a row of question marks",
        "a word that people know, in a few words they said",
    ],
)
def test_read_as_nothing(request_: str) -> None:
    assert asked(request_) == ()


def test_the_words_of_the_services_own_controls_are_read() -> None:
    controls = "for Instagram, in a warm tone, short, with 3 hashtags, no emoji, in German"
    kinds = [one.kind for one in asked(controls)]
    assert kinds == ["hashtags_exactly", "no_emoji", "short", "language"]
