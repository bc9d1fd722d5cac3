"""Scenario and round → the contents and due time of each request.

Drawn once, by number: a request is the same for any number of client processes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.scenario import (
    Closed,
    Constant,
    Gamma,
    Pictures,
    Poisson,
    Ramp,
    Replay,
    Scenario,
)
from benchmarks.workload import arrivals
from benchmarks.workload.traces import read_trace

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """One round's requests, each at its place in all arrays [requests].

    `index` numbers the requests of all rounds. `due_s` is None in a closed loop, where callers
    decide. `cut`: there would have been more than `max_requests`. `pictures` is [requests, pictures
    a request] of picture numbers; `kinds` the kind of each.
    """

    index: Integers
    due_s: arrivals.Times | None
    model: Integers
    streamed: NDArray[np.bool_]
    pictures: Integers
    kinds: Integers
    cut: bool = False

    def __len__(self) -> int:
        return len(self.index)

    def distinct_pictures(self, sent: Sequence[int]) -> float | None:
        """Return the number of different pictures over that of pictures sent; 1.0: no repeats.

        `sent` are the numbers of the requests that were sent. None without pictures.
        """
        pictures = self.pictures[np.isin(self.index, sent)]
        return len(np.unique(pictures)) / pictures.size if pictures.size else None

    def part(self, worker: int, workers: int) -> "Plan":
        """Return every `workers`-th request, from `worker` on."""
        take = slice(worker, None, workers)
        return Plan(
            self.index[take],
            None if self.due_s is None else self.due_s[take],
            self.model[take],
            self.streamed[take],
            self.pictures[take],
            self.kinds[take],
        )


def draw_plan(scenario: Scenario, round_number: int) -> Plan:
    """Draw a round: its times, models, streams and pictures are new in each round."""
    seed = scenario.seed * 1000 + round_number
    draw = np.random.default_rng(seed)
    due_s = _due_s(scenario, seed)
    count = scenario.max_requests if due_s is None else min(len(due_s), scenario.max_requests)
    requests = scenario.requests
    weights = np.array([model.weight for model in requests.models])
    models = draw.choice(len(weights), size=count, p=weights / weights.sum())
    streamed = draw.random(count) < requests.streamed_share
    pictures, kinds = _pictures(requests.pictures, draw, count, round_number)
    cut = due_s is not None and len(due_s) > count
    due_s = None if due_s is None else due_s[:count]
    index = round_number * scenario.max_requests + np.arange(count)
    return Plan(index, due_s, models, streamed, pictures, kinds, cut)


def _due_s(scenario: Scenario, seed: int) -> arrivals.Times | None:
    load, warm_s = scenario.load, scenario.warmup_s
    duration_s = warm_s + scenario.duration_s
    match load:
        case Closed():
            return None
        case Ramp():
            # The warm-up has the ramp's first rate.
            before = arrivals.poisson(load.from_per_s, warm_s, seed)
            length_s = scenario.duration_s
            after = arrivals.ramp(load.from_per_s, load.to_per_s, length_s, seed + 500)
            return np.concatenate([before, warm_s + after])
        case Constant():
            return arrivals.constant(load.rate_per_s, duration_s)
        case Poisson():
            return arrivals.poisson(load.rate_per_s, duration_s, seed)
        case Gamma():
            return arrivals.gamma(load.rate_per_s, duration_s, gap_cv=load.gap_cv, seed=seed)
        case Replay():
            return arrivals.replay(read_trace(load.trace).times_s, duration_s, speed=load.speed)


def _pictures(
    pictures: Pictures | None, draw: np.random.Generator, count: int, round_number: int
) -> tuple[Integers, Integers]:
    """Number the pictures: the pool's from 0 on, then the unique ones of every round."""
    if pictures is None:
        return np.empty((count, 0), np.int64), np.empty((count, 0), np.int64)
    shape = (count, pictures.per_request)
    unique = np.arange(count * pictures.per_request).reshape(shape) % pictures.max_unique
    unique += pictures.pool + round_number * pictures.max_unique
    shared = draw.integers(0, pictures.pool, shape)
    alone = draw.random(count) < pictures.unique_share
    numbers = np.where(alone[:, None], unique, shared)
    # The kind depends on the number alone, so that a number is always the same picture.
    weights = np.array([kind.weight for kind in pictures.kinds])
    place = (numbers * 0.6180339887498949) % 1.0  # golden ratio: an even spread of 0…1
    kinds = np.searchsorted(np.cumsum(weights / weights.sum())[:-1], place, side="right")
    return numbers, kinds.astype(np.int64)
