"""The documentation builds as a site: every page has a place, every link leads somewhere."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.upstream.listed import ROOT

pytestmark = pytest.mark.skipif(
    find_spec("material") is None, reason="the site is built with the extra docs"
)


def build(config: Path, site: Path) -> tuple[int, str]:
    """Return the exit status and what was said."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(config)]
    done = subprocess.run(
        [*command, "--site-dir", str(site)],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    status, said = build(ROOT / "mkdocs.yml", folder)
    assert status == 0, said
    return folder


def test_files_of_the_repository_are_part_of_it(site: Path) -> None:
    assert 'href="repository/deploy/gpu.yaml"' in (site / "gpu.html").read_text()
    shown = (site / "repository" / "deploy" / "gpu.yaml").read_bytes()
    assert shown == (ROOT / "deploy" / "gpu.yaml").read_bytes()
    assert 'href="../settings.html"' in (site / "repository" / "CONTRIBUTING.html").read_text()


def test_pictures_are_where_the_tags_look_for_them(site: Path) -> None:
    shown = [
        (page, picture)
        for page in site.rglob("*.html")
        for picture in re.findall(r'\bsrc(?:set)?="([^":#/][^":#]*)"', page.read_text())
    ]
    assert len(shown) > 10
    assert [
        (page, picture) for page, picture in shown if not (page.parent / picture).exists()
    ] == []


def test_a_page_asks_no_other_host(site: Path) -> None:
    tags = re.findall(r"<(?:script|img|link)[^>]*>", (site / "index.html").read_text())
    assert tags
    assert [tag for tag in tags if "://" in tag] == []


def test_what_leads_nowhere_or_has_no_place_is_told(tmp_path: Path) -> None:
    config = (ROOT / "mkdocs.yml").read_text()
    (tmp_path / "mkdocs.yml").write_text(
        re.sub(r"^nav:.*", "nav: [index.md]", config, flags=re.DOTALL | re.MULTILINE)
    )
    docs = tmp_path / "docs"
    docs.mkdir()
    shutil.copy(ROOT / "docs" / "site_links.py", docs)
    for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY"):
        (tmp_path / f"{name}.md").write_text(f"# {name}\n")
    (docs / "lost.md").write_text("# Lost\n")
    (docs / "index.md").write_text(
        "[a](../CHANGELOG.md) [b](../nowhere.yaml) [c](nowhere.md) [d](lost.md#nowhere)\n"
    )
    status, said = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert status == 1
    for told in ("lost.md", "../nowhere.yaml", "nowhere.md", "lost.md#nowhere"):
        assert told in said
    assert "CHANGELOG.md'" not in said
