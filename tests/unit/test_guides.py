"""The guides name files that are there, and link to pages that are there."""

import re
from pathlib import Path

import pytest

from tests.upstream.listed import ROOT, file

GUIDES = (
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "docs" / "architecture.md",
    ROOT / "docs" / "install.md",
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
)

COLUMNS = 86
"""What the site shows without a scroll bar, on a window of 1280 pixels."""

PATH = re.compile(r"\.?\w[\w.-]*(/[\w.-]+)*/?")
SUFFIXES = {".json", ".md", ".py", ".sh", ".toml", ".yaml"}


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def drawings(text: str) -> list[str]:
    """Return the blocks that are neither code nor a command: diagrams and trees."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return [block for language, block in blocks if not language]


def named_paths(text: str) -> list[str]:
    """Return what stands in backticks and has a slash or the suffix of a file."""
    quoted = re.findall(r"`([^`]+)`", without_blocks(text))
    return [
        name
        for name in quoted
        if PATH.fullmatch(name) and ("/" in name or Path(name).suffix in SUFFIXES)
    ]


def is_there(name: str) -> bool:
    return file(name).exists()


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_files_that_a_guide_names_exist(guide: Path) -> None:
    named = named_paths(guide.read_text())
    assert named
    assert [name for name in named if not is_there(name)] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.name)
def test_the_links_of_a_guide_lead_somewhere(guide: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", without_blocks(guide.read_text()))
    here = [link for link in links if "://" not in link]
    assert [link for link in here if not (guide.parent / link).exists()] == []


def test_a_file_that_is_nowhere_is_noticed() -> None:
    text = "`gateway/app.py`, `gateway/nope.py`, `/v1/models`, `s3://`\n```\n`x/y.py`\n```\n"
    assert named_paths(text) == ["gateway/app.py", "gateway/nope.py"]
    assert [is_there(name) for name in named_paths(text)] == [True, False]


@pytest.mark.parametrize("name", ["README.md", "docs/architecture.md"])
def test_diagrams_fit_the_site(name: str) -> None:
    found = drawings((ROOT / name).read_text())
    assert len(found) >= 2
    lines = [line for drawing in found for line in drawing.splitlines()]
    assert [line for line in lines if len(line) > COLUMNS] == []


def test_every_decision_is_numbered_and_can_be_undone() -> None:
    decisions = [guide for guide in GUIDES if guide.parent.name == "decisions"]
    assert [int(guide.name[:4]) for guide in decisions] == list(range(1, len(decisions) + 1))
    for guide in decisions:
        headings = re.findall(r"^## (.+)$", guide.read_text(), flags=re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "How to undo it"], guide.name
