"""`python -m benchmarks.rehearsal`: models of the real size and forms, started and asked here.

With `--small` the same steps on tiny models, in seven minutes.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks.hardware import describe
from benchmarks.rehearsal import answers, checkpoints, hub
from benchmarks.rehearsal.checkpoints import Size
from benchmarks.rehearsal.service import service
from benchmarks.server import StartFailed
from benchmarks.service import Serving
from benchmarks.soak.parts import held

NEEDED_BYTES = {"full": 46 * 10**9, "small": 10**9}
"""Disk space for files, their cache, and a merged copy."""

FAULTS: tuple[hub.Fault, ...] = ("401", "404", "429")
MOST_REQUESTS = 60
"""Limit for a start at a hub that refuses: more would be a retry storm."""


class Report:
    """Results: `figures`, and `faults` as sentences; no faults: all went well."""

    def __init__(self) -> None:
        self.figures: dict[str, Any] = {}
        self.faults: list[str] = []

    def check(self, holds: bool, otherwise: str) -> None:
        """Add the fault `otherwise` unless `holds`."""
        if not holds:
            self.faults.append(otherwise)


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearse; return 0: all went well, 1: there were faults, 2: too little disk space."""
    options = _parser().parse_args(arguments)
    size = checkpoints.small() if options.small else checkpoints.full()
    with tempfile.TemporaryDirectory(prefix="rehearsal-", dir=options.folder) as folder:
        free, needed = shutil.disk_usage(folder).free, NEEDED_BYTES[_name(options)]
        if free < needed:
            print(f"{needed / 1e9:.0f} GB of disk are needed, {free / 1e9:.0f} are free")
            return 2
        report = rehearse(size, Path(folder), merged=options.merged)
    print(json.dumps(report.figures, indent=1))
    print(*(report.faults or ["all went well"]), sep="\n")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(_result(report, _name(options)), indent=1) + "\n")
    return 1 if report.faults else 0


def rehearse(size: Size, folder: Path, *, merged: bool = False) -> Report:
    """Write the checkpoints, serve them from a hub, start the service, compare its answers."""
    report, root, home = Report(), folder / "hub", folder / "home"
    began_s = time.monotonic()
    checkpoints.write(size, root)
    report.figures["written_s"] = round(time.monotonic() - began_s)
    with hub.running(root) as served:
        environment = hub.environment(served, home)
        _at_a_hub_that_refuses(served, folder, size, report)
        said = _first_start(served, folder, environment, size, report)
        _second_start(served, folder, environment, size, report, merged=merged)
    report.check(not checkpoints.code_was_run(root), "code that came with a checkpoint was run")
    if said is not None:
        side_px, vocabulary = size.git.vision_config.image_size, size.falcon.vocab_size
        wanted = answers.reference(root, folder, side_px, vocabulary)
        differ, report.figures["ties"] = answers.differences(said, wanted)
        report.faults += differ
    return report


def _at_a_hub_that_refuses(served: hub.Hub, folder: Path, size: Size, report: Report) -> None:
    """Start at a hub that answers 401, 404 or 429: it must fail after few requests and say why."""
    for fault in FAULTS:
        served.fault = fault
        served.asked.clear()
        environment = hub.environment(served, folder / f"home-{fault}")
        began_s = time.monotonic()
        try:
            with service(folder / fault, environment, size.git.vision_config.image_size):
                report.check(False, f"at a hub that answers {fault} it started")
        except StartFailed:
            pass
        asked = served.asked.total()
        report.figures[f"hub answers {fault}"] = {
            "ended_s": round(time.monotonic() - began_s),
            "requests": asked,
        }
        said = (folder / fault / "service.log").read_text(errors="replace")
        report.check(asked <= MOST_REQUESTS, f"{asked} requests to a hub that answers {fault}")
        report.check("The service could not start" in said, f"{fault} is not told in a sentence")
    served.fault = None


def _first_start(
    served: hub.Hub, folder: Path, environment: dict[str, str], size: Size, report: Report
) -> answers.Said | None:
    """Start with an empty cache, send requests, and read the memory."""
    side_px, vocabulary = size.git.vision_config.image_size, size.falcon.vocab_size
    served.bytes_sent = 0
    try:
        with service(folder / "first", environment, side_px) as running:
            report.figures["first start"] = _started(running, served)
            said = answers.ask(running.url, side_px, vocabulary)
            report.figures["memory, MiB"] = _memory(running.pid)
            report.figures["stage times, s"] = said.stage_times
            return said
    except (StartFailed, httpx.HTTPError) as error:
        report.faults.append(f"first start: {error}")
        return None


def _second_start(
    served: hub.Hub,
    folder: Path,
    environment: dict[str, str],
    size: Size,
    report: Report,
    *,
    merged: bool,
) -> None:
    """Start again offline, where nothing may be fetched; with `merged`, merge the adapter."""
    served.asked.clear()
    offline = {**environment, "HF_HUB_OFFLINE": "1"}
    name = "second start, merged" if merged else "second start"
    try:
        with service(
            folder / "second", offline, size.git.vision_config.image_size, merged=merged
        ) as running:
            report.figures[name] = _started(running, served)
            report.figures[f"memory, {name}, MiB"] = _memory(running.pid)
    except StartFailed as error:
        report.faults.append(f"{name}: {error}")
    report.check(not served.asked, f"offline it asked the hub: {dict(served.asked)}")


def _started(running: Serving, served: hub.Hub) -> dict[str, float]:
    return {"ready_s": round(running.start_s), "fetched_mb": round(served.bytes_sent / 1e6)}


def _memory(pid: int) -> dict[str, int]:
    """Return each part's private memory in MiB."""
    return {part: round(holding.own_bytes / 2**20) for part, holding in sorted(held(pid).items())}


def _result(report: Report, name: str) -> dict[str, Any]:
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "size": name,
        "figures": report.figures,
        "faults": report.faults,
        "environment": asdict(describe()),
    }


def _name(options: argparse.Namespace) -> str:
    return "small" if options.small else "full"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.rehearsal", description=__doc__)
    parser.add_argument("--small", action="store_true", help="tiny models")
    parser.add_argument("--merged", action="store_true", help="let the second start merge")
    parser.add_argument("--folder", type=Path, help="where the files go; default: the system's")
    parser.add_argument("--out", type=Path, default=Path("tmp/benchmarks/rehearsal.json"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
