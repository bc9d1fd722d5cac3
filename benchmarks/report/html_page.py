"""Results → one self-contained HTML page, in light and dark."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape

import yaml

from benchmarks.calibrate import Ceiling
from benchmarks.report.rows import (
    Row,
    latency_rows,
    limits_text,
    load_text,
    rate_rows,
    stage_means,
)
from benchmarks.report.terminal import ceiling_lines, client_lines
from benchmarks.run import Result

_CSS = """
:root { color-scheme: light dark; --ink: #1b222c; --paper: #ffffff; --soft: #f3f5f8;
  --line: #d9dee6; --warn: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --paper: #14181e;
  --soft: #1d232b; --line: #343c47; --warn: #ff8a80; } }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; } .about { margin-top: .2rem; opacity: .8; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem; border-bottom: 1px solid var(--line); text-align: right;
  font-weight: normal; white-space: nowrap; }
thead th { font-weight: 600; } th:first-child, td:first-child { text-align: left; }
.scroll { overflow-x: auto; } figure { margin: 1rem 0; }
figure svg { width: 100%; height: auto; font-family: system-ui, sans-serif; }
.warn { border-left: 4px solid var(--warn); padding: .5rem 1rem; background: var(--soft);
  color: var(--warn); font-weight: 600; }
.client { opacity: .8; } pre { background: var(--soft); padding: 1rem; overflow-x: auto;
  font-size: 13px; }
"""


def page(results: Sequence[Result], svgs: Mapping[str, str], ceilings: Sequence[Ceiling]) -> str:
    """Return the page; `svgs` are `<svg>` elements by name (plots.svg)."""
    scenario = results[0].scenario
    parts = [
        f"<h1>{escape(scenario.name)}</h1>",
        f'<p class="about">{escape(scenario.about)}</p>',
        f"<p>{escape(_how(results))}</p>",
        *_client(results, ceilings),
        "<h2>Rates</h2>",
        _table(results, [rate_rows(result) for result in results]),
        "<h2>Latencies, ms</h2>",
        _table(results, [_flat(result) for result in results]),
        *(f'<figure id="{escape(name)}">{svg}</figure>' for name, svg in svgs.items()),
        *_stages(results),
        "<h2>What these figures hold for</h2>",
        f"<pre>{escape(_yaml(asdict(results[0].environment)))}</pre>",
        f"<pre>{escape(_yaml(scenario.model_dump(mode='json', exclude_none=True)))}</pre>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(scenario.name)}</title><style>{_CSS}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _how(results: Sequence[Result]) -> str:
    first = results[0]
    scenario = first.scenario
    loads = load_text(scenario.load) if len(results) == 1 else f"{len(results)} loads"
    return (
        f"{first.started}, {first.endpoint.url}: {loads}, {scenario.repeats} rounds of "
        f"{scenario.duration_s:g} s each after {scenario.warmup_s:g} s of warm-up. Limits of "
        f"goodput: {limits_text(scenario.limits)}. Latencies count from the time a request was "
        "due; ± is the 95 % interval over rounds."
    )


def _client(results: Sequence[Result], ceilings: Sequence[Ceiling]) -> list[str]:
    lines = []
    for result in results:
        at = f"{load_text(result.scenario.load)}: " if len(results) > 1 else ""
        reasons = [f"{at}{line}" for line in client_lines(result)[1:]]
        lines += [f'<p class="warn">{escape(reason)}</p>' for reason in reasons]
    if not lines:
        own = client_lines(results[-1])[0]
        lines = [f'<p class="client">The client was not the limit. {escape(own)}</p>']
    return lines + [f'<p class="client">{escape(line)}</p>' for line in ceiling_lines(ceilings)]


def _flat(result: Result) -> list[Row]:
    return [
        Row(f"{label} {row.label}", row.value.removesuffix(" ms"), row.interval)
        for label, rows in latency_rows(result)
        for row in rows
    ]


def _stages(results: Sequence[Result]) -> list[str]:
    if not any(stage_means(result) for result in results):
        return []
    tables = [
        [Row(name, f"{e.mean * 1e3:.1f}") for name, e in stage_means(result).items()]
        for result in results
    ]
    return ["<h2>Stages, mean ms</h2>", _table(results, tables)]


def _table(results: Sequence[Result], columns: Sequence[Sequence[Row]]) -> str:
    """Return a table: a line for each label, a column for each result."""
    labels = list(dict.fromkeys(row.label for rows in columns for row in rows))
    found = [{row.label: row for row in rows} for rows in columns]
    head = "".join(f"<th>{escape(load_text(r.scenario.load))}</th>" for r in results)
    lines = []
    for label in labels:
        rows = [column.get(label) for column in found]
        cells = "".join(
            f"<td>{escape(f'{row.value} {row.interval}'.strip()) if row else ''}</td>"
            for row in rows
        )
        lines.append(f"<tr><th>{escape(label)}</th>{cells}</tr>")
    return (
        f'<div class="scroll"><table><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
