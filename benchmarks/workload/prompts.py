"""Number of a request → its prompt as JSON, and its answer's length in tokens.

A prompt of an exact length is a list of token ids, because a text's length differs between
vocabularies and may change when another text follows it. The same number gives the same prompt in
every process.
"""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.scenario import PromptKind, RandomTokens, ShareGPT, TokenIds, TraceTokens
from benchmarks.workload.traces import BLOCK_TOKENS, read_trace


@dataclass(frozen=True)
class Asked:
    """`prompt` is JSON: token ids or a text; `output_tokens` None: the model decides."""

    prompt: bytes
    output_tokens: int | None


class Prompts(Protocol):
    """All prompts of a run."""

    def of(self, index: int) -> Asked:
        """Return the request of that number."""
        ...


def read_prompts(kind: PromptKind, *, seed: int, per_round: int) -> Prompts:
    """Return a scenario's prompts; a round numbers at most `per_round` requests.

    Raises:
        OSError: The file cannot be read.
        ValueError: It has another form.
    """
    match kind:
        case RandomTokens():
            return _Random(kind, seed)
        case TraceTokens():
            return _Traced(kind, seed, per_round)
        case ShareGPT():
            return _Spoken(kind, seed)


class _Random:
    def __init__(self, kind: RandomTokens, seed: int) -> None:
        self._kind, self._seed = kind, seed

    def of(self, index: int) -> Asked:
        draw = np.random.default_rng((self._seed, index))
        sizes = self._kind.input_tokens, self._kind.output_tokens
        inputs, outputs = (int(draw.integers(size.min, size.max + 1)) for size in sizes)
        return Asked(_ids(self._kind.ids, draw, inputs), outputs)


class _Traced:
    """Each request has the lengths of one row of the trace; a round begins at the first."""

    def __init__(self, kind: TraceTokens, seed: int, per_round: int) -> None:
        self._kind, self._seed, self._per_round = kind, seed, per_round
        trace = read_trace(kind.trace)
        if trace.input_tokens is None or trace.output_tokens is None:
            raise ValueError(f"{kind.trace} has times, but no lengths")
        self._inputs = self._scaled(trace.input_tokens)
        self._outputs = self._scaled(trace.output_tokens)
        self._blocks = trace.blocks

    def of(self, index: int) -> Asked:
        row = index % self._per_round % len(self._inputs)
        inputs, outputs = int(self._inputs[row]), int(self._outputs[row])
        if self._blocks is None or not self._blocks[row]:
            draw = np.random.default_rng((self._seed, index))
            return Asked(_ids(self._kind.ids, draw, inputs), outputs)
        return Asked(self._in_blocks(index // self._per_round, self._blocks[row], inputs), outputs)

    def _in_blocks(self, round_number: int, names: tuple[int, ...], inputs: int) -> bytes:
        """Return a prompt; in one round, prompts share the blocks whose names they share."""
        size = max(1, round(BLOCK_TOKENS * self._kind.scale))
        ids: list[int] = []
        for name in names:
            draw = np.random.default_rng((self._seed, round_number, name))
            ids += draw.integers(self._kind.ids.first, self._kind.ids.end, size).tolist()
        own = np.random.default_rng((self._seed, round_number, len(names), inputs))
        missing = max(0, inputs - len(ids))
        ids += own.integers(self._kind.ids.first, self._kind.ids.end, missing).tolist()
        return _compact(ids[:inputs])

    def _scaled(self, tokens: Any) -> Any:
        return np.maximum(1, np.rint(tokens * self._kind.scale)).astype(np.int64)


class _Spoken:
    """First turns of recorded conversations, in random order, all used before any repeats."""

    def __init__(self, kind: ShareGPT, seed: int) -> None:
        count = None if kind.tokenizer is None else _token_counter(kind.tokenizer)
        asked = []
        for question, answer in _first_turns(kind.file):
            lengths = None if count is None else (count(question), count(answer))
            if lengths is None:
                asked.append(Asked(_compact(question), None))
            elif kind.fits(*lengths):
                asked.append(Asked(_compact(question), lengths[1]))
        if not asked:
            raise ValueError(f"{kind.file} has no conversation that is of the asked lengths")
        random.Random(seed).shuffle(asked)
        self._asked = asked

    def of(self, index: int) -> Asked:
        return self._asked[index % len(self._asked)]


def _first_turns(path: Path) -> list[tuple[str, str]]:
    """Read ShareGPT's form: a list of `{"conversations": [{"from": …, "value": …}, …]}`."""
    try:
        value = json.loads(path.read_text())
        talks = [one.get("conversations") or [] for one in value]
        return [
            (str(talk[0]["value"]), str(talk[1]["value"]))
            for talk in talks
            if len(talk) >= 2 and talk[0]["value"] and talk[1]["value"]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not of ShareGPT's form") from error


def _token_counter(path: Path) -> Any:
    from tokenizers import Tokenizer  # only where lengths are asked for

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise ValueError(f"{path} is no tokenizer.json: {error}") from error
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _ids(ids: TokenIds, draw: np.random.Generator, count: int) -> bytes:
    return _compact(draw.integers(ids.first, ids.end, count).tolist())


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
