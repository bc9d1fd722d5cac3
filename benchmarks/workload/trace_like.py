"""`python -m benchmarks trace mooncake --out FILE.jsonl`: a trace drawn from published statistics.

No recorded trace is in this repository: they are others'. What is published of one is enough for a
load of the same kind; where only a mean is published, the spread is ours and said here.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.arguments import up_to
from benchmarks.workload import arrivals
from benchmarks.workload.traces import BLOCK_TOKENS

MAX_REQUESTS = 1_000_000


@dataclass(frozen=True)
class Statistics:
    """Published statistics of a trace, and their source.

    `shared` is the share of all prompts' tokens that lie in a prefix of earlier prompts.
    """

    source: str
    per_s: float
    input_tokens: float
    output_tokens: float
    shared: float


PUBLISHED = {
    "mooncake": Statistics(
        source="arXiv 2407.00079v3, section 4.2: means 7,590 and 182 tokens, half of the blocks"
        " known before; the published file has 23,608 requests of one hour",
        per_s=23_608 / 3600,
        input_tokens=7590,
        output_tokens=182,
        shared=0.5,
    ),
}
CONVERSATIONS = 100
"""Number of prefixes that prompts share. It is our choice, as are Poisson times and exponential
lengths: the paper gives only means."""


def drawn(of: Statistics, duration_s: float, per_s: float, seed: int) -> Iterator[dict[str, Any]]:
    """Yield requests in Mooncake's form, `per_s` of them a second."""
    draw = np.random.default_rng(seed)
    fresh = CONVERSATIONS * MAX_REQUESTS  # above every name of a common block
    for at_s in arrivals.poisson(per_s, duration_s, seed).tolist():
        inputs, outputs = (
            max(1, round(draw.exponential(mean))) for mean in (of.input_tokens, of.output_tokens)
        )
        blocks = -(-inputs // BLOCK_TOKENS)
        common = round(of.shared * blocks)
        conversation = int(draw.integers(CONVERSATIONS))
        names = [conversation * MAX_REQUESTS + place for place in range(common)]
        names += range(fresh, fresh + blocks - common)
        fresh += blocks - common
        yield {
            "timestamp": round(1000 * at_s),
            "input_length": inputs,
            "output_length": outputs,
            "hash_ids": names,
        }


def main(arguments: Sequence[str]) -> int:
    """Write a trace; return 0, or 2 if it cannot be written."""
    options = _parser().parse_args(arguments)
    of = PUBLISHED[options.like]
    per_s = options.per_s or of.per_s
    try:
        if per_s * options.duration_s > MAX_REQUESTS:
            raise ValueError(f"more than {MAX_REQUESTS:,} requests")
        with options.out.open("w") as file:
            for request in drawn(of, options.duration_s, per_s, options.seed):
                file.write(json.dumps(request) + "\n")
    except (OSError, ValueError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    print(f"written: {options.out}, {per_s:.2f} requests/s as in {of.source}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("caption-bench trace", description=__doc__)
    parser.add_argument("like", choices=sorted(PUBLISHED), help="the trace that it is to be like")
    parser.add_argument("--out", type=Path, required=True, help="a file that ends in .jsonl")
    parser.add_argument("--duration-s", type=up_to(MAX_REQUESTS), default=600.0)
    parser.add_argument("--per-s", type=up_to(MAX_REQUESTS), help="in place of the published rate")
    parser.add_argument("--seed", type=int, default=1)
    return parser
