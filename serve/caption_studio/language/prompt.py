"""Descriptions and turns → the text that Falcon continues; pure.

Here: conversations, and what a caller wishes beside a picture. Captions: voices.prompt.
"""

from collections.abc import Sequence

from caption_studio.records import Description, Turn

SPEAKERS = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}

CHAT_STOP = tuple(f"\n{speaker}:" for speaker in SPEAKERS.values())
"""Text with which a model begins the next turn of the conversation."""


def one_line(text: str) -> str:
    """Fold every run of white space, line breaks of all kinds included, into one space."""
    return " ".join(text.split())


def join_descriptions(descriptions: Sequence[Description]) -> Description:
    """Join the descriptions of several pictures into one, in their order.

    It is as sure as the least sure of them, and familiar if all are. What is not known of one is
    not known of it, except that one unfamiliar picture is enough.
    """
    sure = [one.confidence for one in descriptions if one.confidence is not None]
    familiar = {one.familiar for one in descriptions}
    return Description(
        "; ".join(one_line(one.text) for one in descriptions),
        min(sure) if len(sure) == len(descriptions) else None,
        False if False in familiar else None if None in familiar else True,
    )


def steering(turns: Sequence[Turn]) -> str:
    """Return the caller's wishes for the caption: system texts, then the last user text.

    User texts of earlier exchanges are left out: they were about earlier captions.
    """
    system = [turn.text for turn in turns if turn.role == "system"]
    user: list[str] = []
    answered = False
    for turn in turns:
        if turn.role == "user":
            user = [] if answered else user
            user += [turn.text] if turn.text.strip() else []
        if turn.role in ("user", "assistant"):
            answered = turn.role == "assistant"
    return one_line(" ".join([*system, *user[-1:]]))


def chat_prompt(turns: Sequence[Turn]) -> str:
    """Return the prompt of a conversation without pictures, ending where the answer begins."""
    lines = [f"{SPEAKERS[turn.role]}: {one_line(turn.text)}" for turn in turns]
    return "\n".join([*lines, f"{SPEAKERS['assistant']}:"])
