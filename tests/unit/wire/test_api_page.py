"""docs/api.md names every field that is obeyed or taken, and no other as such."""

import re
from pathlib import Path

import pytest

from caption_studio.wire.passed_over import (
    BOOKKEEPING,
    DEFAULTS,
    OF_IMAGES,
    OF_MESSAGES,
    OF_PARTS,
)
from caption_studio.wire.schema import ChatRequest, CompletionRequest

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
TAKEN = BOOKKEEPING | DEFAULTS.keys() | OF_MESSAGES | OF_PARTS | OF_IMAGES
OBEYED = ChatRequest.model_fields.keys() | CompletionRequest.model_fields.keys()


def named(heading: str) -> set[str]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"`([a-z_]+)`", section))


def test_every_field_stands_where_it_belongs() -> None:
    known_elsewhere = {"user", "tools", "functions", "tool_choice", "function_call"}
    assert OBEYED - known_elsewhere <= named("Obeyed")
    assert TAKEN | known_elsewhere <= named("Taken")


@pytest.mark.parametrize("field", sorted(named("Refused by name")))
def test_what_is_refused_is_neither_obeyed_nor_bookkeeping(field: str) -> None:
    assert field not in OBEYED | BOOKKEEPING | DEFAULTS.keys()
