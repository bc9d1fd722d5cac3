"""Results, items and captions → the report, one HTML file.

All that comes from data is escaped here. The page runs no scripts and loads nothing.
"""

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from caption_studio.training.evaluation.items import Item
from caption_studio.training.evaluation.measures.collected import ALL, checks
from caption_studio.training.evaluation.report.thumbnails import thumbnail
from caption_studio.training.evaluation.results import Results, Side
from caption_studio.training.evaluation.table import MANNERS, by_manner, figure, title

REPORT_NAME = "report.html"
MOST_ROWS = 200
"""Items shown, with their pictures: more would make a file that browsers open slowly."""


def page(
    results: Results,
    items: Sequence[Item],
    mine: Sequence[str],
    theirs: Sequence[str],
    folder: Path,
) -> str:
    """Return the page. `mine` and `theirs` are captions of the items, in their order.

    `folder` is that of the data set, which pictures' paths start from.
    """
    template = Template(files(__package__).joinpath("template.html").read_text("utf-8"))
    shown = list(zip(items, mine, theirs, strict=True))[:MOST_ROWS]
    return template.substitute(
        title=escape(f"{results.adapter.name} against {results.other.name}"),
        about="".join(f"<li>{escape(line)}</li>" for line in _about(results, len(shown))),
        mine=escape(results.adapter.name),
        theirs=escape(results.other.name),
        measures="".join(_measures(results)),
        left_out="".join(_left_out(results)),
        rows="".join(_row(results, *one, folder) for one in shown),
    )


def _about(results: Results, shown: int) -> Iterator[str]:
    dataset = results.dataset
    yield f"Data set: {dataset.file}, split {dataset.split}, {dataset.items} pictures and requests"
    yield f"Base model: {results.base}, on {results.device}"
    yield ", ".join(f"{name} {number}" for name, number in results.versions.items())
    for side in (results.adapter, results.other):
        if side.sha256:
            yield f"Checksum of {side.name}: {side.sha256}"
    judge = results.judge
    if judge:
        yield (
            f"Judge: {judge['model']}; {judge['wins']} wins, {judge['ties']} ties, "
            f"{judge['losses']} losses, {judge['unreadable']} unreadable"
        )
        if bias := judge["first_shown"]:
            yield f"It chose the caption shown first in {100 * bias['value']:.0f} % of its choices"
    if shown < dataset.items:
        yield f"The first {shown} are shown below"


def _measures(results: Results) -> Iterator[str]:
    mine, theirs = results.adapter.measures, results.other.measures
    for manner, names in by_manner(mine, theirs).items():
        if manner:
            heading = escape(f"Captions {MANNERS.get(manner, manner)}")
            yield f'<tr><th colspan="4" scope="rowgroup">{heading}</th></tr>'
        for name, other_name in names:
            cells = [
                escape(figure(key, measures[key])) if key in measures else "-"
                for key, measures in ((name, mine), (other_name, theirs))
            ]
            known = mine.get(name) or theirs.get(other_name)
            cells.append(str(known.n) if known else "")
            yield f'<tr><th scope="row">{escape(title(name))}</th>'
            yield "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _left_out(results: Results) -> Iterator[str]:
    reasons = {**results.other.left_out, **results.adapter.left_out}
    for name, reason in reasons.items():
        yield f"<li>Not measured: {escape(title(name))} ({escape(reason)})</li>"


def _row(results: Results, item: Item, mine: str, theirs: str, folder: Path) -> str:
    row = item.row
    picture = thumbnail(row.picture, folder)
    image = f'<img src="{picture}" alt="">' if picture else '<span class="none">no picture</span>'
    request = f"<dt>Request</dt><dd>{escape(row.request)}</dd>" if row.request else ""
    captions = _caption(results.adapter, item, mine)
    if not results.other.is_data:
        captions += _caption(results.other, item, theirs)
    said = "".join(f"<dd>{escape(one.caption)}</dd>" for one in item.rows)
    return (
        f"<article>{image}<dl><dt>Description</dt><dd>{escape(row.description)}</dd>{request}"
        f"{captions}<dt>In the data</dt>{said}</dl></article>\n"
    )


def _caption(side: Side, item: Item, caption: str) -> str:
    marks = "".join(
        f'<span class="{"held" if value else "missed"}">{"✓" if value else "✗"} '
        f"{escape(title(name))}</span>"
        for name, value in checks(item.row, caption).items()
        if not name.endswith(f"_{ALL}")
    )
    text = escape(caption) if caption else '<span class="none">empty</span>'
    return f"<dt>{escape(side.name)}</dt><dd><b>{text}</b> {marks}</dd>"
