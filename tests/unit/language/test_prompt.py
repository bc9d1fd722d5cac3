from caption_studio.language.prompt import chat_prompt, join_descriptions
from caption_studio.records import Description, Turn


def test_several_descriptions_become_one_in_their_order() -> None:
    joined = join_descriptions([Description("a cat"), Description("two\ndogs")])
    assert joined.text == "a cat; two dogs"


def test_a_conversation_ends_where_the_assistant_begins() -> None:
    turns = [Turn("system", "s"), Turn("user", "hi\nUser: x"), Turn("assistant", "a")]
    assert chat_prompt(turns) == "System: s\nUser: hi User: x\nAssistant: a\nAssistant:"
