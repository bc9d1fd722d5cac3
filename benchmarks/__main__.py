"""`caption-bench [SCENARIO] --url URL`: run a scenario, print a table, write the files.

`caption-bench soak` is a benchmark of its own, `caption-bench compare A B` compares two runs,
`caption-bench trace` draws a trace. `python -m benchmarks` is the same command.
"""

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.calibrate import Ceiling, calibrate
from benchmarks.fleet import ClientFailed
from benchmarks.load.worker import Endpoint
from benchmarks.report import compare
from benchmarks.report.files import write_files
from benchmarks.report.terminal import Live, ceiling_lines, sweep_table, table
from benchmarks.run import RemoteRefused, Result, check_endpoint, run
from benchmarks.scenario import SCENARIOS, ModelShare, Scenario, read_scenario
from benchmarks.sweep import run_sweep
from benchmarks.workload import trace_like
from benchmarks.workload.prompts import read_prompts

KEY_VARIABLE = "CAPTION_BENCH_API_KEY"
HEADERS_VARIABLE = "CAPTION_BENCH_HEADERS"

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+: ?[\t\x20-\x7e]+")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line's benchmark; return the exit status.

    2: the command line is wrong. 1: the client failed, or no request was answered.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["soak"]:
        from benchmarks.soak.__main__ import main as soak  # it starts a service, the others do not

        return soak(words[1:])
    if words[:1] == ["compare"]:
        return compare.main(words[1:])
    if words[:1] == ["trace"]:
        return trace_like.main(words[1:])
    options = _parser().parse_args(words)
    try:
        return _run(options)
    except (ValueError, OSError, RemoteRefused) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    except ClientFailed as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace) -> int:
    scenario = _changed(read_scenario(options.scenario), options)
    endpoint = _endpoint(options, os.environ)
    check_endpoint(endpoint, allow_remote=options.allow_remote)
    if scenario.requests.prompts is not None:  # report a wrong file before anything starts
        read_prompts(scenario.requests.prompts, seed=scenario.seed, per_round=scenario.max_requests)
    ceilings = calibrate(processes=scenario.processes) if options.calibrate else []
    live = Live()
    results = (run_sweep if scenario.sweep else _once)(
        endpoint,
        scenario,
        allow_remote=options.allow_remote,
        on_progress=live.progress,
        on_round=live.round,
    )
    print(sweep_table(results) if scenario.sweep else table(results[0]))
    print(*ceiling_lines(ceilings), sep="\n")
    _write(options.out or _default_folder(scenario), results, ceilings)
    answered = any(repeat.figures.completed for r in results for repeat in r.repeats)
    return 0 if answered else 1


def _endpoint(options: argparse.Namespace, environment: Mapping[str, str]) -> Endpoint:
    """Return the endpoint of the command line, completed by the environment.

    Raises `ValueError` for a header that is no line of the form `Name: value`.
    """
    api_key = options.api_key or environment.get(KEY_VARIABLE) or None
    lines = [*environment.get(HEADERS_VARIABLE, "").splitlines(), *options.header]
    headers = tuple(line.strip() for line in lines if line.strip())
    for line in headers:
        if not _HEADER.fullmatch(line):
            raise ValueError(f"a header is NAME: VALUE, and not {line.partition(':')[0]!r}")
    return Endpoint(options.url, api_key, headers)


def _once(endpoint: Endpoint, scenario: Scenario, **options: Any) -> list[Result]:
    return [run(endpoint, scenario, **options)]


def _write(folder: Path, results: Sequence[Result], ceilings: Sequence[Ceiling]) -> None:
    from benchmarks.report import html_page, plots  # imports take half a second: after measuring

    folder.mkdir(parents=True, exist_ok=True)
    write_files(folder, results, ceilings)
    figures = plots.draw(results)
    for name, figure in figures.items():
        (folder / f"{name}.png").write_bytes(plots.png(figure))
    svgs = {name: plots.svg(figure, name) for name, figure in figures.items()}
    (folder / "report.html").write_text(html_page.page(results, svgs, ceilings))
    print(f"written: {folder}/report.html, PNGs, result.json, samples.csv, samples.jsonl")


def _default_folder(scenario: Scenario) -> Path:
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return Path("tmp") / "benchmarks" / f"{scenario.name}-{now}"


def _changed(scenario: Scenario, options: argparse.Namespace) -> Scenario:
    """Return the scenario with the command line's changes, validated again."""
    value = scenario.model_dump()
    for name in ("repeats", "duration_s", "processes", "seed"):
        if getattr(options, name) is not None:
            value[name] = getattr(options, name)
    if options.model is not None:
        value["requests"]["models"] = [ModelShare(name=options.model).model_dump()]
    return Scenario.model_validate(value)


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(sorted(path.stem for path in SCENARIOS.glob("*.yaml")))
    parser = argparse.ArgumentParser("caption-bench", description="Load an endpoint.")
    parser.add_argument(
        "scenario", nargs="?", default="caption-closed", help=f"a YAML file, or one of: {names}"
    )
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="of the server")
    parser.add_argument("--api-key", help=f"else that of {KEY_VARIABLE}")
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="NAME: VALUE",
        help=f"a further one, as often as need be; also one a line in {HEADERS_VARIABLE}",
    )
    parser.add_argument("--model", help="in place of the scenario's models")
    parser.add_argument("--out", type=Path, help="folder for the files")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--duration-s", type=float, help="that is measured in each repeat")
    parser.add_argument("--processes", type=int, help="of the client")
    parser.add_argument("--seed", type=int)
    parser.add_argument(
        "--calibrate", action="store_true", help="measure the client's own ceiling first"
    )
    parser.add_argument(
        "--allow-remote", action="store_true", help="permit a host that is not this machine"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
