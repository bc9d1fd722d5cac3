import pytest

from caption_studio.language.prompt import chat_prompt, join_descriptions
from caption_studio.records import Description, Turn


def test_several_descriptions_become_one_in_their_order() -> None:
    joined = join_descriptions([Description("a cat"), Description("two\ndogs")])
    assert joined == Description("a cat; two dogs")


@pytest.mark.parametrize(
    ("confidences", "expected"), [((0.9, 0.4), 0.4), ((0.9, None), None), ((None, None), None)]
)
def test_several_descriptions_are_as_sure_as_the_least_sure(
    confidences: tuple[float | None, ...], expected: float | None
) -> None:
    joined = join_descriptions([Description("a", confidence=each) for each in confidences])
    assert joined.confidence == expected


@pytest.mark.parametrize(
    ("familiar", "expected"),
    [((True, True), True), ((True, False), False), ((None, False), False), ((True, None), None)],
)
def test_one_unfamiliar_picture_is_enough(
    familiar: tuple[bool | None, ...], expected: bool | None
) -> None:
    joined = join_descriptions([Description("a", familiar=each) for each in familiar])
    assert joined.familiar is expected


def test_a_conversation_ends_where_the_assistant_begins() -> None:
    turns = [Turn("system", "s"), Turn("user", "hi\nUser: x"), Turn("assistant", "a")]
    assert chat_prompt(turns) == "System: s\nUser: hi User: x\nAssistant: a\nAssistant:"
