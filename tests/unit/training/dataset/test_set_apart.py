"""Captions are told from what a teacher writes else."""

import pytest

from caption_studio.training.dataset.items import Answer
from caption_studio.training.dataset.set_apart import Judge, is_refusal
from caption_studio.training.dataset.teaching.prompts import template
from caption_studio.training.dataset.texts import caption_in

PROMPT = template(None, sees_pictures=False)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that request.",
        "I\u2019m sorry, I can\u2019t help with that.",
        "As an AI language model, I cannot see pictures.",
        "Sorry, I am unable to write a caption for this.",
        "I cannot provide a caption for this image.",
        "I can't see the image you mention.",
        "Unfortunately, I can't create that.",
        "I am just an AI and have no eyes.",
        "I must decline.",
        "Please provide the description of the picture.",
        "No image was provided.",
        "I apologize, but I can't fulfill this request.",
        "Es tut mir leid, aber ich kann dabei nicht helfen.",
        "Je suis désolé, mais je ne peux pas vous aider.",
        "Lo siento, pero no puedo ayudar con eso.",
    ],
)
def test_refusals(text: str) -> None:
    assert is_refusal(text)
    assert Judge(PROMPT).judge(Answer(text, "stop")).reason == "refusal"


@pytest.mark.parametrize(
    "text",
    [
        "I can't believe how blue this sea is! 🌊",
        "I'm sorry, I can't stop looking at these croissants.",
        "Sorry, not sorry: two cupcakes for breakfast 🧁",
        "I can't describe how good this smells.",
        "I can't help but smile at this duck 🦆",
        "Please share your favourite bakery below!",
        "As an aimless Sunday should be.",
        "I'm an assistant baker and proud of it.",
        "Unfortunately, it was delicious.",
        "No picture does it justice.",
    ],
)
def test_captions_that_only_begin_like_refusals(text: str) -> None:
    assert Judge(PROMPT).judge(Answer(text, "stop")).reason is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer("", "stop"), "empty"),
        (Answer(" \n ", "stop"), "empty"),
        (Answer("...", "stop"), "empty"),
        (Answer("", "length"), "empty"),
        (Answer("A boat on", "length"), "cut off"),
        (Answer("A boat on", "max_tokens"), "cut off"),
        (Answer("A boat", "content_filter"), "refusal"),
        (Answer("I can't.", "refusal"), "refusal"),
        (Answer("1. A boat\n2. A ship", "stop"), "several captions"),
        (Answer("Option 1: A boat\nOption 2: A ship", "stop"), "several captions"),
        (Answer("1. A boat is enough", "stop"), None),
        (Answer(PROMPT, "stop"), "prompt echoed"),
        (Answer("Lively, warm and natural, with no salesman: a boat", "stop"), None),
        (Answer(unanswered="HTTP status 500"), "unanswered"),
    ],
)
def test_what_is_no_caption(answer: Answer, reason: str | None) -> None:
    assert Judge(PROMPT).judge(answer).reason == reason


def test_a_description_that_is_said_again_is_no_echo_of_the_prompt() -> None:
    description = "two red boats with white sails on a calm sea at sunset"
    assert Judge(PROMPT).judge(Answer(f"Look: {description}!", "stop")).reason is None


@pytest.mark.parametrize(
    ("text", "caption"),
    [
        ('"A boat!"', "A boat!"),
        ("“A boat!”", "A boat!"),
        ("'A boat!'", "'A boat!'"),
        ('"A" and "B"', '"A" and "B"'),
        ("A\nboat!\u2028#sea ", "A boat! #sea"),
        ('Sure! Here\'s a caption for your picture:\n\n"A boat!"', "A boat!"),
        ("Here is one: A boat!", "A boat!"),
        ("Caption: A boat!", "A boat!"),
        ("Here comes the sun: golden hour", "Here comes the sun: golden hour"),
        ("", ""),
        ('"', '"'),
    ],
)
def test_the_caption_is_taken_out_of_what_is_around_it(text: str, caption: str) -> None:
    assert caption_in(text) == caption
