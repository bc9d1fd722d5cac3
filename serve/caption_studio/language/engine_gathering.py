"""Lets the tokens of a request gather in vLLM's process until our process needs them.

After each step vLLM sends every request's new token to our process, which decodes it. But nobody
waits for the single tokens of an answer that is not streamed, or of a stream whose pieces leave
every 30 ms. A message for each token costs a whole answer of 20 tokens 0.7 ms of CPU time on either
side together. So vLLM's process keeps the tokens of requests that ask for it (`ASKED`), and sends
them together.

Runs in vLLM's process. Not here: which tokens may end an answer (language.engine_wake_tokens).
"""

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ASKED = "caption_studio_gather"
"""The name in `SamplingParams.extra_args`; see `Gather`."""

LEARN = "caption_studio_learn_wake_tokens"
_STATE = "_caption_studio_gathering"

Gather = tuple[str, float | None]
"""How tokens gather: those learnt for one of these characters are sent at once, and so is the token
after them; the others once so many seconds have passed since the last message, or at the end."""


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
            sent = [mine for one in group.outputs if (mine := self._next(one, now)) is not None]
            if sent or not group.outputs or _says_more(group):
                group.outputs = sent
                passed[client] = group
        if len(self._kept) > len(self._requests):  # some were aborted
            self._kept = {id_: kept for id_, kept in self._kept.items() if id_ in self._requests}
        return passed

    def _next(self, output: Any, now: float) -> Any:
        """Return the output with what was kept before it, or None if it is kept, too."""
        id_, finished = output.request_id, output.finish_reason is not None
        kept = self._kept.pop(id_, None) if finished else self._kept.get(id_)
        if kept is None:
            gather = None if finished else self._asked(id_)
            if gather is None:
                return output
            kept = self._kept[id_] = _Kept(*gather)
        kept.add(output)
        if finished or not _is_plain(output) or kept.is_due(output.new_token_ids, now, self._wake):
            return kept.sent(output, now)
        return None

    def _asked(self, request_id: str) -> Gather | None:
        request = self._requests.get(request_id)
        params = None if request is None else request.sampling_params
        gather: Gather | None = params and params.extra_args and params.extra_args.get(ASKED)
        return gather


@dataclass(slots=True)
class _Kept:
    characters: str
    interval_s: float | None
    token_ids: list[int] | None = None
    prefill_stats: Any = None
    sent_at: float = 0.0
    is_after_wake_token: bool = False

    def add(self, output: Any) -> None:
        self.token_ids = [*(self.token_ids or ()), *output.new_token_ids]
        self.prefill_stats = self.prefill_stats or output.prefill_stats

    def is_due(self, token_ids: list[int], now: float, wake: Mapping[str, frozenset[int]]) -> bool:
        follows, self.is_after_wake_token = self.is_after_wake_token, self._wakes(token_ids, wake)
        is_late = self.interval_s is not None and now - self.sent_at >= self.interval_s
        return follows or self.is_after_wake_token or is_late

    def sent(self, output: Any, now: float) -> Any:
        """Return the last output with all that was kept."""
        output.new_token_ids, output.prefill_stats = self.token_ids, self.prefill_stats
        self.token_ids = self.prefill_stats = None
        self.sent_at = now
        return output

    def _wakes(self, token_ids: list[int], wake: Mapping[str, frozenset[int]]) -> bool:
        for character in self.characters:
            learnt = wake.get(character)
            if learnt is None or not learnt.isdisjoint(token_ids):
                return True
        return False


def _is_plain(output: Any) -> bool:
    """Return whether there are only tokens in it, which can be sent later."""
    return (
        output.new_logprobs is None
        and output.new_prompt_logprobs_tensors is None
        and output.pooling_output is None
        and output.kv_transfer_params is None
        and output.events is None
    )


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
