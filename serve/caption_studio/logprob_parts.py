"""Log probabilities, a part at a time: an answer may hold hundreds of thousands.

A callback that takes longer than 50 ms holds up every other request of its process. A thread would
not help: encoding in C keeps Python's lock to its end. So whoever handles them does so in parts,
and lets the event loop serve others in between.
"""

from collections.abc import Iterator, Sequence

from caption_studio.records import DeltaGroup, TokenLogprob

PART = 1000
"""Log probabilities that are handled at once: a few milliseconds of CPU time."""


def logprobs_in(group: DeltaGroup) -> int:
    """Return how many log probabilities a group carries, those of alternatives included."""
    return sum(
        len(delta.logprobs) * (1 + len(delta.logprobs[0].alternatives))
        for delta in group
        if delta.logprobs
    )


def in_parts(tokens: Sequence[TokenLogprob]) -> Iterator[Sequence[TokenLogprob]]:
    """Yield the tokens in slices of about `PART` log probabilities."""
    size = max(1, PART // (1 + len(tokens[0].alternatives))) if tokens else 1
    for start in range(0, len(tokens), size):
        yield tokens[start : start + size]
