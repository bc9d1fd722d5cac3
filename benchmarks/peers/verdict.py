"""Figures of all peers → ratios, their targets, and doubts about them; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.peers.ratio_intervals import Interval, ratio_interval
from benchmarks.peers.summary import Figure, Figures

TOKEN_TOLERANCE = 0.02
"""Requests a second are compared only if answers' lengths differ by less than this share."""

MIN_ROUNDS = 3


@dataclass(frozen=True)
class Ratio:
    """Requests a second of `ours` over those of `peer`, under one load; at least `target`.

    `same_length`: the ratio is valid only if both wrote equally long answers.
    """

    name: str
    load: str
    ours: str
    peer: str
    target: float
    same_length: bool = True


WITH_WORKER = "-worker"
"""Suffix of a peer's name: vLLM's server by default, with a worker process."""

WITH_PLUGINS = "-plugins"
"""Suffix of a peer's name: vLLM's server with our plug-ins. An adapter needs them anyway."""

RATIOS: tuple[Ratio, ...] = (
    *(
        Ratio(
            f"text-{form}-{kind}-over-vllm{suffix}",
            f"text-64-{form}",
            f"ours-{kind}",
            f"vllm-{kind}{suffix}",
            1.0,
        )
        for suffix, kinds in (
            ("", ("base", "adapter")),
            (WITH_PLUGINS, ("base",)),
            (WITH_WORKER, ("base", "adapter")),
        )
        for kind in kinds
        for form in ("whole", "streamed")
    ),
    *(
        Ratio(f"text-{form}-base-over-serve-llm", f"text-64-{form}", "ours-base", "serve-llm", 1.8)
        for form in ("whole", "streamed")
    ),
    *(
        Ratio(f"text-{form}-merged-over-base", f"text-64-{form}", "ours-merged", "ours-base", 0.97)
        for form in ("whole", "streamed")
    ),
    *(
        Ratio(f"captions-{kind}-over-{peer}", "captions-64", f"ours-{kind}", peer, target, False)
        for kind in ("adapter", "merged")
        for peer, target in (("notebook", 10.0), ("stock-serve", 3.0))
    ),
)

SHARED_TARGET = 0.9
ADDED_LIMIT_MS = 8.0
LONE_LIMIT = 0.75
"""Limit of a lone caption's time divided by the notebook's."""


def judge(found: Figures) -> dict[str, Any]:
    """Return ratios with their intervals and targets, limits, and notes on missing figures."""
    ratios: dict[str, float] = {}
    intervals: dict[str, Interval] = {}
    targets: dict[str, float] = {}
    limits: dict[str, dict[str, float]] = {}
    notes: list[str] = []
    for ratio in RATIOS:
        ours, peer = found.get((ratio.ours, ratio.load)), found.get((ratio.peer, ratio.load))
        if ours is None or peer is None:
            notes.append(f"{ratio.name}: not measured")
        elif why := _incomparable(ratio, ours, peer):
            notes.append(f"{ratio.name}: {why}")
        else:
            ratios[ratio.name] = ours.requests_per_s / peer.requests_per_s
            targets[ratio.name] = ratio.target
            if interval := ratio_interval(ours.rates_per_s, peer.rates_per_s):
                intervals[ratio.name] = interval
    for kind in ("adapter", "merged"):
        share = _share_of_engines(found, kind)
        if share is not None:
            name = f"captions-{kind}-over-engines-sharing"
            ratios[name], targets[name] = share, SHARED_TARGET
        added_ms = _added_ms(found, kind)
        if added_ms is not None:
            limits[f"added-ms-at-1-{kind}"] = {"value": added_ms, "at_most": ADDED_LIMIT_MS}
        lone = _lone_over_notebook(found, kind)
        if lone is not None:
            limits[f"lone-caption-{kind}-over-notebook"] = {"value": lone, "at_most": LONE_LIMIT}
    notes += [
        f"{peer} {load}: {doubt}" for (peer, load), f in found.items() for doubt in _doubts(f)
    ]
    return {
        "ratios": ratios,
        "intervals": intervals,
        "targets": targets,
        "limits": limits,
        "notes": notes,
    }


def _doubts(found: Figure) -> Iterator[str]:
    if found.failed:
        yield f"{found.failed} failed"
    if found.rounds < MIN_ROUNDS:
        yield f"{found.rounds} rounds only, {MIN_ROUNDS} are the least"
    if found.client_limited_rounds:
        yield f"the client was the limit in {found.client_limited_rounds} of {found.rounds} rounds"


def _incomparable(ratio: Ratio, ours: Figure, peer: Figure) -> str | None:
    if not peer.requests_per_s:
        return f"{ratio.peer} answered nothing"
    if not ratio.same_length:
        return None
    if ours.mean_tokens is None or not peer.mean_tokens:
        return "no tokens were counted"
    if abs(ours.mean_tokens / peer.mean_tokens - 1) > TOKEN_TOLERANCE:
        return (
            f"answers of {ours.mean_tokens:.1f} against {peer.mean_tokens:.1f} tokens; "
            f"in tokens/s: {ours.tokens_per_s / peer.tokens_per_s:.2f}"
        )
    return None


def _share_of_engines(found: Figures, kind: str) -> float | None:
    """Return our captions/s divided by those of both engines taking turns on this machine.

    The latter is 1 / (1 / describer + 1 / captioner), since each picture needs both in turn.
    """
    ours = found.get((f"ours-{kind}", "captions-64"))
    describer = found.get(("alone-describer", "alone-describe-64"))
    captioner = found.get((f"alone-{kind}", "captions-64"))
    if ours is None or describer is None or captioner is None:
        return None
    if not describer.requests_per_s or not captioner.requests_per_s:
        return None
    sharing_per_s = 1 / (1 / describer.requests_per_s + 1 / captioner.requests_per_s)
    return ours.requests_per_s / sharing_per_s


def _lone_over_notebook(found: Figures, kind: str) -> float | None:
    """Return a lone caption's time divided by the notebook's."""
    ours, theirs = (found.get((peer, "captions-1")) for peer in (f"ours-{kind}", "notebook"))
    if ours is None or theirs is None or ours.e2e_p50_s is None or not theirs.e2e_p50_s:
        return None
    return ours.e2e_p50_s / theirs.e2e_p50_s


def _added_ms(found: Figures, kind: str) -> float | None:
    """Return the time that the whole stack adds to the engines', at one request in flight."""
    times_s = [
        f.e2e_p50_s
        for key in (
            (f"ours-{kind}", "captions-1"),
            ("alone-describer", "alone-describe-1"),
            (f"alone-{kind}", "captions-1"),
        )
        if (f := found.get(key)) is not None and f.e2e_p50_s is not None
    ]
    if len(times_s) < 3:
        return None
    ours_s, describer_s, captioner_s = times_s
    return (ours_s - describer_s - captioner_s) * 1e3
