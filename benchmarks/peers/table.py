"""The summary → a terminal's lines."""

from collections.abc import Iterator
from typing import Any

_HEADS = ("peer", "load", "requests/s", "lowest…highest", "tokens", "E2E ms", "TTFT ms", "client")
_FORM = "{:<16} {:<18} {:>10} {:>15} {:>7} {:>9} {:>8} {:>7}"


def lines(summary: dict[str, Any]) -> Iterator[str]:
    """Yield figures, then ratios against their targets, then what could not be said.

    Medians over the rounds; `client` is what the client used of one core.
    """
    yield _FORM.format(*_HEADS)
    for peer, loads in summary["figures"].items():
        for load, figure in loads.items():
            yield _FORM.format(
                peer,
                load,
                f"{figure['requests_per_s']:.1f}",
                f"{figure['lowest_per_s']:.1f}…{figure['highest_per_s']:.1f}",
                _number(figure["mean_tokens"], 1, "{:.1f}"),
                _number(figure["e2e_p50_s"], 1e3, "{:.0f}"),
                _number(figure["ttft_p50_s"], 1e3, "{:.0f}"),
                _number(figure["client_cpu_share"], 1e2, "{:.0f} %"),
            )
    yield ""
    for name, value in summary["ratios"].items():
        target = summary["targets"][name]
        yield f"{_verdict(value >= target)}  {name:<45} {value:6.2f}   at least {target}"
    for name, limit in summary["limits"].items():
        met = limit["value"] <= limit["at_most"]
        yield f"{_verdict(met)}  {name:<45} {limit['value']:6.1f}   at most {limit['at_most']}"
    for name, reason in summary["skipped"].items():
        yield f"skipped  {name}: {reason}"
    for note in summary["notes"]:
        yield f"note  {note}"


def _number(value: float | None, factor: float, form: str) -> str:
    return "" if value is None else form.format(value * factor)


def _verdict(met: bool) -> str:
    return "met   " if met else "MISSED"
