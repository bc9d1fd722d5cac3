"""Records → files: raw samples in one file per peer, and the summary of all files.

A new measurement of a peer replaces only that peer's file. `peers.json` is then computed anew from
all files, and has the time and commit of each peer's measurement.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.records import RoundRecord, from_json, to_json
from benchmarks.peers.summary import Figure, figures
from benchmarks.peers.verdict import judge

SUMMARY = "peers.json"
SAMPLES = "peers-samples"


@dataclass(frozen=True)
class PeerFile:
    """The content of one peer's file. `skipped` says why there are no records."""

    name: str
    about: str
    measured_at: str
    environment: dict[str, Any]
    plan: dict[str, Any]
    start_s: Sequence[float]
    skipped: str | None
    records: Sequence[RoundRecord]


def write_peer(folder: Path, peer: PeerFile) -> None:
    """Write a peer's file: one line for the peer, then one for each record."""
    samples = folder / SAMPLES
    samples.mkdir(parents=True, exist_ok=True)
    head = {key: value for key, value in vars(peer).items() if key != "records"}
    lines = [head, *map(to_json, peer.records)]
    text = "\n".join(json.dumps(line, separators=(",", ":")) for line in lines)
    (samples / f"{peer.name}.jsonl").write_text(f"{text}\n")


def read_peers(folder: Path) -> dict[str, PeerFile]:
    """Return what `write_peer` wrote, by name."""
    found = {}
    for path in sorted((folder / SAMPLES).glob("*.jsonl")):
        head, *records = map(json.loads, path.read_text().splitlines())
        found[head["name"]] = PeerFile(**head, records=[from_json(record) for record in records])
    return found


def summarise(folder: Path) -> dict[str, Any]:
    """Compute `peers.json` from the peers' files, write it, and return it."""
    peers = read_peers(folder)
    found = figures({name: peer.records for name, peer in peers.items() if not peer.skipped})
    summary = {
        **judge(found),
        "figures": _figures_json(found),
        "skipped": {name: peer.skipped for name, peer in peers.items() if peer.skipped},
        "peers": {name: _about(peer) for name, peer in peers.items()},
    }
    (folder / SUMMARY).write_text(json.dumps(summary, indent=1) + "\n")
    return summary


def _figures_json(found: dict[tuple[str, str], Figure]) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for (peer, load), figure in found.items():
        rounded = {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in asdict(figure).items()
        }
        nested.setdefault(peer, {})[load] = rounded
    return nested


def _about(peer: PeerFile) -> dict[str, Any]:
    return {
        "about": peer.about,
        "measured_at": peer.measured_at,
        "environment": peer.environment,
        "plan": peer.plan,
        "start_s": [round(value, 1) for value in peer.start_s],
    }
