"""A caption in its parts."""

import unicodedata

import pytest

from caption_studio.wire.parts import ALT_TEXT_LENGTH, alt_text, caption_parts


@pytest.mark.parametrize(
    ("text", "caption", "hashtags"),
    [
        ("What a view! 🎈🌊 #balloonride #afterrain", "What a view! 🎈🌊", "balloonride afterrain"),
        ("A duck\n\n#duck\n#lake", "A duck", "duck lake"),
        ("A duck #duck, #lake | #sea", "A duck", "duck lake sea"),
        ("A duck #duck#lake", "A duck", "duck lake"),
        ("A duck #duck #lake 🦆", "A duck 🦆", "duck lake"),
        ("We saw a #duck today", "We saw a duck today", "duck"),
        ("We saw a #duck. #lake", "We saw a duck.", "duck lake"),
        ("We saw a #duck!", "We saw a duck!", "duck"),
        ("#sunset over the sea", "sunset over the sea", "sunset"),
        ("(#duck) swims", "(duck) swims", "duck"),
        ("#only #tags", "", "only tags"),
        ("Duck #Duck #duck #lake", "Duck", "Duck lake"),
        (
            "L'été #été #東京 #नमस्ते #snake_case #2025goals",
            "L'été",
            "été 東京 नमस्ते snake_case 2025goals",
        ),
        ("ひまわり \uff03向日葵", "ひまわり", "向日葵"),
        ("We are #1 and C# is a language", "We are #1 and C# is a language", ""),
        ("See http://a.b/c#top &#39; x#y", "See http://a.b/c#top &#39; x#y", ""),
        ("# heading, #, ## and #️⃣", "# heading, #, ## and #️⃣", ""),
        ("No hashtags here. 🎈", "No hashtags here. 🎈", ""),
        ("", "", ""),
    ],
)
def test_a_caption_comes_apart(text: str, caption: str, hashtags: str) -> None:
    parts = caption_parts(text)
    assert parts.caption == caption
    assert list(parts.hashtags) == hashtags.split()


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("a white duck on a calm sea", "A white duck on a calm sea."),
        ("a dog. a cat on a street!", "A dog; a cat on a street."),
        ("a cat; two dogs", "A cat; two dogs."),
        ("  a   #sunset\nat sea 🎈 ...", "A sunset at sea."),
        ("élan in the snow", "Élan in the snow."),
        ("word " * 60, "Word" + " word" * 24 + "."),
        ("y" * 300, "Y" + "y" * 123 + "."),
        ("🎈", ""),
        ("", ""),
    ],
)
def test_the_alternative_text_is_one_sentence(description: str, expected: str) -> None:
    assert alt_text(description) == expected
    assert len(alt_text(description)) <= ALT_TEXT_LENGTH


def test_an_alternative_text_of_any_length_is_cut_at_a_words_end() -> None:
    for length in range(100, 140):
        text = alt_text(" ".join(["ab"] * 50)[:length])
        assert len(text) <= ALT_TEXT_LENGTH
        assert set(text[3:-1].split()) <= {"ab", "a"}
        assert text.endswith(".")
        assert unicodedata.category(text[0]) == "Lu"
