"""docs/settings.md is made from the settings, and every setting says what it does."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal, get_args

import pytest
from pydantic import Field
from pydantic.fields import FieldInfo

from caption_studio.settings import Settings, reference
from caption_studio.settings.section import Section
from tests.upstream.listed import ROOT

PAGE = (ROOT / "docs" / "settings.md").read_text()


def sections(annotation: object) -> Iterator[type[Section]]:
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, Section):
            yield one
            for field in one.model_fields.values():
                yield from sections(field.annotation)


SECTIONS = {
    section for field in Settings.model_fields.values() for section in sections(field.annotation)
}
FIELDS = {
    f"{section.__name__}.{name}": field
    for section in SECTIONS
    for name, field in section.model_fields.items()
}


def test_the_page_is_what_the_settings_say() -> None:
    assert reference.page() == PAGE, "run: make docs/settings.md"


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_setting_says_in_a_sentence_what_it_does(name: str) -> None:
    description = FIELDS[name].description or ""
    assert re.fullmatch(r"[A-Z`v][^\n]*\.", description)
    assert f"| {description} |" in PAGE


def test_every_section_has_a_table() -> None:
    assert len(SECTIONS) > 12
    for section in SECTIONS:
        assert f"\n{section.__doc__}\n\n| setting |" in PAGE


class Example(Section):
    """Shapes of settings."""

    kind: Literal["a", "b", "c"] = Field("a", description="A | B.")
    share: Literal["auto"] | Annotated[float, Field(gt=0, lt=1)] | None = Field(None)
    limit_bytes: int | None = Field(3 * 1024**2, ge=1, le=10**9)
    names: tuple[str, ...] = Field((), min_length=1, max_length=4)


def test_types_units_and_limits_are_in_words() -> None:
    part = reference._part(Example, [reference._Room("example", Example, Example())])
    rows = [line for line in part.splitlines() if line.startswith("| `")]
    assert rows == [
        "| `kind` | `a`, `b` or `c` | `a` |  | A \\| B. |",
        "| `share` | `auto`, number (over 0, under 1) or null | `null` |  |  |",
        "| `limit_bytes` | integer or null, in bytes | `3145728` (3 MiB) "
        "| at least 1, at most 1,000,000,000 |  |",
        "| `names` | list of text | `[]` | 1 to 4 entries |  |",
    ]


def test_a_setting_without_a_default_is_required() -> None:
    assert isinstance(FIELDS["AliasSettings.id"], FieldInfo)
    assert "| `id` | text | required | matches" in PAGE
