"""A hook of MkDocs: files of the repository that pages link to become part of the site.

In the repository a page links to `../deploy/gpu.yaml` or `../benchmarks/README.md`, which lie
outside of the site's folder. Here each such file is added to the site below `repository/`, and the
links to it are rewritten, those of pictures in HTML too. A link to a folder becomes plain text.
"""

import re
from os.path import relpath
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
FOLDER = "repository"
BLOCK = r"^```.*?^```"
LINK = re.compile(
    rf"(?P<block>{BLOCK})|\[(?P<text>[^\]]*)\]\((?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)",
    re.DOTALL | re.MULTILINE,
)
PICTURE = re.compile(
    rf"(?P<block>{BLOCK})|(?P<attribute>\bsrc(?:set)?)=\"(?P<path>[^\"\s#:]+)\"",
    re.DOTALL | re.MULTILINE,
)
"""A picture in a tag, which MkDocs leaves as it is."""

PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository's root, and what any page links to outside of `docs`."""
    waiting = [Path(page.abs_src_path or "") for page in files.documentation_pages()]
    for name in PAGES:
        waiting.append(_add(ROOT / name, files, config))
    while waiting:
        source = waiting.pop()
        text = source.read_text()
        for link in (*LINK.finditer(text), *PICTURE.finditer(text)):
            target = _target(source, link)
            if target and target.is_file() and files.get_file_from_path(_uri(target)) is None:
                _add(target, files, config)
                if target.suffix == ".md":
                    waiting.append(target)
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of a page for where their targets lie in the site."""
    source = Path(page.file.abs_src_path or "")

    def rewritten(link: re.Match[str]) -> str:
        target = _target(source, link)
        if target is None or not target.exists():  # MkDocs warns of what is nowhere
            return link[0]
        if target.is_dir():
            return link["text"]
        path = relpath(_uri(target), Path(page.file.src_uri).parent)
        return f"[{link['text']}]({path}{link['anchor'] or ''})"

    def shown(picture: re.Match[str]) -> str:
        target = _target(source, picture)
        if target is None:
            return picture[0]
        path = relpath(_uri(target), Path(page.file.dest_uri).parent)
        return f'{picture["attribute"]}="{path}"'

    return PICTURE.sub(shown, LINK.sub(rewritten, markdown))


def _target(source: Path, link: re.Match[str]) -> Path | None:
    """Return the file that a link names, or None if it is text of a block."""
    return (source.parent / link["path"]).resolve() if link["path"] else None


def _uri(target: Path) -> str:
    """Return where a file of the repository lies in the site."""
    if target.is_relative_to(DOCS):
        return target.relative_to(DOCS).as_posix()
    return f"{FOLDER}/{target.relative_to(ROOT).as_posix()}"


def _add(target: Path, files: Files, config: MkDocsConfig) -> Path:
    files.append(File.generated(config, _uri(target), abs_src_path=str(target)))
    return target
