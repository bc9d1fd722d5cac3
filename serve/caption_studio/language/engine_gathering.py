"""Lets the tokens of a request gather in vLLM's process until our process needs them.

After each step vLLM sends every request's new token to our process, which decodes it. But nobody
waits for the single tokens of an answer that is not streamed, or of a stream whose pieces leave
every 30 ms. So vLLM's process keeps the tokens of requests that ask for it (`ASKED`), and sends
them together. Such a request asks for tokens alone, not for log probabilities.

Runs in vLLM's process. Not here: which tokens may end an answer (language.engine_wake_tokens).
"""

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Self

ASKED = "caption_studio_gather"
"""The name in `SamplingParams.extra_args`; see `Gather`."""

LEARN = "caption_studio_learn_wake_tokens"
_STATE = "_caption_studio_gathering"


class Gather(NamedTuple):
    """How tokens gather.

    Those learnt for one of the `characters` are sent at once, and so is the token after them. The
    others are sent at the end; of a stream the `first` ones at once, too, and then what there is
    every `interval_s`.
    """

    characters: str
    interval_s: float | None = None
    first: int = 0

    @classmethod
    def asked(cls, extra_args: Mapping[str, Any] | None) -> Self | None:
        """Return what a request asks for; None also for anything that we did not write."""
        values = extra_args.get(ASKED) if extra_args else None
        if not isinstance(values, list | tuple) or len(values) != len(cls._fields):
            return None
        characters, interval_s, first = values
        if not isinstance(characters, str) or not isinstance(first, int):
            return None
        if not isinstance(interval_s, float | int | None):
            return None
        return cls(characters, interval_s, first)


def install() -> None:
    """Let vLLM's engine core gather, in a process that has one."""
    core = sys.modules.get("vllm.v1.engine.core")
    if core is None or hasattr(core.EngineCore, LEARN):
        return
    for name in ("step", "step_with_batch_queue"):
        setattr(core.EngineCore, name, _gathering(getattr(core.EngineCore, name)))
    setattr(core.EngineCore, LEARN, _learn)


async def learn(engine_core: Any, character: str, token_ids: list[int]) -> None:
    """Tell a client's engine core which tokens are sent at once for this character.

    Raises what vLLM does, `EngineDeadError` above all.
    """
    await engine_core.call_utility_async(LEARN, character, token_ids)


Outputs = dict[int, Any]
"""vLLM's `EngineCoreOutputs` of one step, by client."""


class Gathering:
    """The tokens kept back, by request. `requests` are those of vLLM's scheduler, by their ids."""

    def __init__(self, requests: Mapping[str, Any]) -> None:
        self._requests = requests
        self._kept: dict[str, _Kept] = {}
        self._wake: dict[str, frozenset[int]] = {}

    def learn(self, character: str, token_ids: Iterable[int]) -> None:
        """Send these tokens at once to who asks for the character."""
        self._wake[character] = frozenset(token_ids)

    def pass_on(self, outputs: Outputs) -> Outputs:
        """Return what is to be sent after a step."""
        now = time.monotonic()
        passed = {}
        for client, group in outputs.items():
            sent = [one for one in group.outputs if self._is_sent(one, now)]
            if sent or not group.outputs or _says_more(group):
                group.outputs = sent
                passed[client] = group
        if len(self._kept) > len(self._requests):  # some were aborted
            self._kept = {id_: kept for id_, kept in self._kept.items() if id_ in self._requests}
        return passed

    def _is_sent(self, output: Any, now: float) -> bool:
        """Return whether to send the output, with what was kept before it; else keep its tokens."""
        id_, finished = output.request_id, output.finish_reason is not None
        kept = self._kept.get(id_)
        if kept is None:
            if finished or (gather := self._asked(id_)) is None:
                return True
            kept = self._kept[id_] = _Kept(gather)
        if finished:
            del self._kept[id_]
        elif not kept.is_due(output.new_token_ids, now, self._wake):
            kept.add(output)
            return False
        kept.fill(output)
        return True

    def _asked(self, request_id: str) -> Gather | None:
        request = self._requests.get(request_id)
        params = None if request is None else request.sampling_params
        return None if params is None else Gather.asked(params.extra_args)


class _Kept:
    """What one request's outputs held since its last message: tokens, and the prompt's figures."""

    __slots__ = ("_first", "_follows", "_gather", "_prefill_stats", "_sent_at", "_tokens")

    def __init__(self, gather: Gather) -> None:
        self._gather = gather
        self._first = gather.first
        self._tokens: list[int] = []
        self._prefill_stats: Any = None
        self._sent_at = 0.0
        self._follows = False  # a token that was sent at once

    def is_due(self, token_ids: list[int], now: float, wake: Mapping[str, frozenset[int]]) -> bool:
        """Return whether these tokens are sent at once."""
        wakes = bool(self._gather.characters) and self._wakes(token_ids, wake)
        return self._is_late(now) or wakes

    def _is_late(self, now: float) -> bool:
        """Return whether a stream's piece is due, apart from tokens that may end it."""
        interval_s = self._gather.interval_s
        if interval_s is None or (now - self._sent_at < interval_s and not self._first):
            return False
        self._first = max(0, self._first - 1)
        self._sent_at = now
        return True

    def _wakes(self, token_ids: list[int], wake: Mapping[str, frozenset[int]]) -> bool:
        followed, self._follows = self._follows, False
        for character in self._gather.characters:
            learnt = wake.get(character)
            if learnt is None or not learnt.isdisjoint(token_ids):
                self._follows = True
        return followed or self._follows

    def add(self, output: Any) -> None:
        """Keep the output's tokens."""
        self._tokens += output.new_token_ids
        if output.prefill_stats is not None:
            self._prefill_stats = output.prefill_stats

    def fill(self, output: Any) -> None:
        """Put into an output that is sent what was kept before it."""
        if self._tokens:
            output.new_token_ids = [*self._tokens, *output.new_token_ids]
            self._tokens = []
        if self._prefill_stats is not None:
            output.prefill_stats, self._prefill_stats = self._prefill_stats, None


def _says_more(group: Any) -> bool:
    return (
        group.scheduler_stats is not None
        or group.utility_output is not None
        or group.finished_requests is not None
    )


Step = Callable[[Any], tuple[Outputs | None, bool]]


def _gathering(step: Step) -> Step:
    def gathered(core: Any) -> tuple[Outputs | None, bool]:
        outputs, executed = step(core)
        return _state(core).pass_on(outputs) if outputs else outputs, executed

    return gathered


def _learn(core: Any, character: str, token_ids: list[int]) -> None:
    _state(core).learn(character, token_ids)


def _state(core: Any) -> Gathering:
    state: Gathering | None = getattr(core, _STATE, None)
    if state is None:
        state = Gathering(core.scheduler.requests)
        setattr(core, _STATE, state)
    return state
