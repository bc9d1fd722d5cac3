"""Endpoint and scenario → `Result`: all repeats, their figures, and their environment.

Other programs call this module, and so does the command line.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit

from benchmarks.figures.intervals import Estimate, estimate
from benchmarks.figures.measure import Figures, figures
from benchmarks.figures.selfcheck import client_limits
from benchmarks.fleet import Fleet, OnProgress, Round
from benchmarks.hardware import Environment, describe
from benchmarks.load.worker import Endpoint
from benchmarks.scenario import Scenario

OnRound = Callable[[int, Figures], None]


class RemoteRefused(Exception):
    """The endpoint is not on this machine, and remote ones were not allowed."""


@dataclass(frozen=True)
class Repeat:
    """One round: its samples, its figures, and reasons to distrust them."""

    round: Round
    figures: Figures
    client_limits: list[str]


@dataclass(frozen=True)
class Result:
    """A scenario's repeats. A sweep's points are one `Result` each (sweep.py).

    `sustained`: a sweep found this rate and held it for longer.
    """

    endpoint: Endpoint
    scenario: Scenario
    repeats: list[Repeat]
    environment: Environment
    sustained: bool = False
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def estimate(self, value: Callable[[Figures], float | None]) -> Estimate | None:
        """Return a figure's mean and 95 % interval over the repeats."""
        return estimate([value(repeat.figures) for repeat in self.repeats])

    @property
    def client_was_the_limit(self) -> bool:
        """Whether the client, not the server, was the limit in any repeat."""
        return any(repeat.client_limits for repeat in self.repeats)


def run(
    endpoint: Endpoint,
    scenario: Scenario,
    *,
    allow_remote: bool = False,
    on_progress: OnProgress | None = None,
    on_round: OnRound | None = None,
) -> Result:
    """Run all repeats of a scenario against an endpoint; blocks until they are done.

    Raises:
        RemoteRefused: The endpoint is not on loopback, and `allow_remote` is not set.
        ClientFailed: A client process ended or hung.
    """
    check_endpoint(endpoint, allow_remote=allow_remote)
    with Fleet(endpoint, scenario) as fleet:
        repeats = repeated(fleet, scenario, on_progress=on_progress, on_round=on_round)
    return Result(endpoint, scenario, repeats, describe())


def repeated(
    fleet: Fleet,
    scenario: Scenario,
    *,
    first: int = 0,
    on_progress: OnProgress | None,
    on_round: OnRound | None,
) -> list[Repeat]:
    """Run a scenario's repeats as the fleet's rounds `first` and following."""
    repeats = []
    for number in range(first, first + scenario.repeats):
        repeats.append(judge(fleet.round(number, scenario, on_progress)))
        if on_round is not None:
            on_round(number, repeats[-1].figures)
    return repeats


def judge(done: Round) -> Repeat:
    """Compute a round's figures and check the client."""
    limits = client_limits(done.samples, done.efforts, ended_early=done.ended_early)
    return Repeat(done, figures(done.samples, done.scenario), limits)


def check_endpoint(endpoint: Endpoint, *, allow_remote: bool) -> None:
    """Refuse remote hosts: load on other people's servers must be allowed explicitly.

    Raises:
        RemoteRefused: See above.
        ValueError: It is not an http(s) URL.
    """
    url = urlsplit(endpoint.url)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError(f"not an http(s) URL: {endpoint.url!r}")
    if allow_remote or url.hostname == "localhost":
        return
    try:
        local = ipaddress.ip_address(url.hostname).is_loopback
    except ValueError:
        local = False
    if not local:
        raise RemoteRefused(f"{url.hostname} is not this machine; --allow-remote permits it")
