"""Prompt templates: named fields and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caption_studio.language.prompt import steering
from caption_studio.records import Description, Turn
from caption_studio.voices.prompt import plain_prompt
from caption_studio.voices.template import CAPTION_TEMPLATE, FIELDS, parse

TEXTS = st.text(max_size=60) | st.lists(
    st.sampled_from(["a cat", "{request}", "{{", "\n", "\r\n", "\u2028", "Caption:", " ", "\x85"])
).map("".join)


@settings(deadline=None, database=None)
@given(TEXTS, st.lists(TEXTS, max_size=2))
def test_the_2023_template_gives_the_prompts_of_2023(description: str, texts: list[str]) -> None:
    turns = [Turn(role, text) for role, text in zip(("system", "user"), texts, strict=False)]
    values = {"description": description, "request": steering(turns)}
    assert parse(CAPTION_TEMPLATE).fill(values) == plain_prompt(Description(description), turns)


def test_all_fields_are_filled() -> None:
    template = parse(" ".join(f"{{{name}}}" for name in FIELDS))
    assert template.fields == frozenset(FIELDS)
    assert template.fill({name: name.upper() for name in FIELDS}) == " ".join(FIELDS).upper()


def test_braces_are_doubled() -> None:
    assert parse('{{"a": "{description}"}}').fill({"description": "x"}) == '{"a": "x"}'
    assert parse("{{description}} {description}").fill({"description": "x"}) == "{description} x"
    assert parse("{{{description}}}").fill({"description": "x"}) == "{x}"


def test_values_are_data() -> None:
    template = parse("{description}|{request}")
    values = {"description": "{request}\nCaption: {{", "request": "no\r\nmore\u2028lines"}
    assert template.fill(values) == "{request} Caption: {{|no more lines"


def test_a_line_of_empty_fields_only_is_left_out() -> None:
    template = parse("Task\n{description}\nTone: {tone}, {emoji}\n\nCaption:")
    assert template.fill({"description": "x"}) == "Task\nx\n\nCaption:"
    assert template.fill({"tone": " \n", "emoji": "no"}) == "Task\n\nTone: , no\n\nCaption:"


def test_the_prompt_ends_where_the_caption_begins() -> None:
    assert parse("{description}\r\nCaption:\n\n").fill({"description": "x"}) == "x\nCaption:"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Caption:", "lacks the field {description}"),
        ("{{description}}", "lacks the field {description}"),
        ("{description} {name}", "unknown field {name}"),
        ("{description.__class__}", "unknown field {description.__class__}"),
        ("{description[0]}", "unknown field {description[0]}"),
        ("{description!r}", "unknown field {description!r}"),
        ("{description:>9}", "unknown field {description:>9}"),
        ("{ description }", "unknown field { description }"),
        ("{description} {}", "unknown field {}"),
        ("{description} {0}", "unknown field {0}"),
        ("{description}\n{", "single { in line 2"),
        ("{description} }", "single } in line 1"),
        ("{description {tone}}", "single { in line 1"),
        ("{description}" + "x" * 4096, "over 4096 characters"),
        ("{description}\n" * 40 + "x", "over 40 lines"),
    ],
)
def test_anything_else_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"template") as caught:
        parse(text)
    assert said in str(caught.value)
