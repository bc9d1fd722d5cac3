"""The summary → a terminal's lines."""

from collections.abc import Iterator
from typing import Any

_HEADS = (
    *("peer", "load", "requests/s", "lowest…highest", "tokens/s", "tokens"),
    *("E2E p50/p95/p99 ms", "TTFT p50/p95 ms", "ITL ms", "CPU ms", "client"),
)
_FORM = "{:<19} {:<27} {:>10} {:>15} {:>8} {:>6} {:>20} {:>15} {:>6} {:>6} {:>6}"


def lines(summary: dict[str, Any]) -> Iterator[str]:
    """Yield figures, then ratios against their targets, then notes.

    Figures are medians over the rounds. `CPU` is the server's CPU time for one answer, `client` the
    client's share of one core.
    """
    yield _FORM.format(*_HEADS)
    for peer, loads in summary["figures"].items():
        for load, figure in loads.items():
            yield _FORM.format(
                peer,
                load,
                f"{figure['requests_per_s']:.1f}",
                f"{figure['lowest_per_s']:.1f}…{figure['highest_per_s']:.1f}",
                f"{figure['tokens_per_s']:.0f}",
                _number(figure["mean_tokens"], 1, "{:.1f}"),
                _quantiles(figure, "e2e", "p50", "p95", "p99"),
                _quantiles(figure, "ttft", "p50", "p95"),
                _number(figure["itl_p50_s"], 1e3, "{:.1f}"),
                _number(sum(figure["processor_ms"].values()) or None, 1, "{:.1f}"),
                _number(figure["client_cpu_share"], 1e2, "{:.0f} %"),
            )
    yield ""
    for name, value in summary["ratios"].items():
        target = summary["targets"][name]
        low, high = summary["intervals"].get(name, (None, None))
        between = "" if low is None else f"{low:.2f} to {high:.2f}"
        verdict = _verdict(value >= target)
        yield f"{verdict}  {name:<45} {value:6.2f} {between:>14}   at least {target}"
    for name, limit in summary["limits"].items():
        met = limit["value"] <= limit["at_most"]
        yield f"{_verdict(met)}  {name:<45} {limit['value']:6.2f}   at most {limit['at_most']}"
    for name, reason in summary["skipped"].items():
        yield f"skipped  {name}: {reason}"
    for note in summary["notes"]:
        yield f"note  {note}"


def _number(value: float | None, factor: float, form: str) -> str:
    return "" if value is None else form.format(value * factor)


def _quantiles(figure: dict[str, Any], name: str, *quantiles: str) -> str:
    values = [_number(figure[f"{name}_{one}_s"], 1e3, "{:.0f}") for one in quantiles]
    return " / ".join(values) if all(values) else ""


def _verdict(met: bool) -> str:
    return "met   " if met else "MISSED"
