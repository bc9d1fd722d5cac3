import pytest

from benchmarks.peers.servers.captioning import caption_in, caption_prompt
from benchmarks.peers.servers.wire import caption_answer, picture_bytes
from caption_studio.records import Description
from caption_studio.voices.prompt import plain_prompt as our_caption_prompt


@pytest.mark.parametrize(
    ("answer", "caption"),
    [
        (' "A dog at sea!"', "A dog at sea!"),
        (' "A dog at sea!" and "another"', "A dog at sea!"),
        (' Sure: "A dog at sea!"\nDescription: more', "A dog at sea!"),
        (' "A dog that was cut o', "A dog that was cut o"),
        (" No quotes here. ", "No quotes here."),
        (' No quotes on this line\n"but here"', 'No quotes on this line\n"but here"'),
        ("", ""),
    ],
)
def test_the_caption_stands_between_the_first_pair_of_quotes(answer: str, caption: str) -> None:
    assert caption_in(answer) == caption


def test_the_peers_ask_with_the_very_prompt_of_the_service() -> None:
    ours = our_caption_prompt(Description("a dog at sea"))
    assert caption_prompt("a dog at sea") == ours


def test_the_picture_is_taken_out_of_its_data_url() -> None:
    url = "data:image/jpeg;base64,cGl4ZWxz"
    parts = [{"type": "text", "text": "nice"}, {"type": "image_url", "image_url": {"url": url}}]
    assert picture_bytes({"messages": [{"role": "user", "content": parts}]}) == b"pixels"


def test_a_request_without_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="no picture"):
        picture_bytes({"messages": [{"role": "user", "content": []}]})


def test_an_answer_counts_its_tokens() -> None:
    answer = caption_answer("m", "A dog!", prompt_tokens=7, completion_tokens=3)
    assert answer["choices"][0]["message"]["content"] == "A dog!"
    assert answer["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
