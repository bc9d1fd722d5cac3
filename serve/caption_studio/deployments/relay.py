"""Groups of deltas from a captioner's replica to a gateway's, beside Ray: what both ends share.

Each item that a Serve handle streams is an actor call with an object of its own, and twenty of
them cost more than the answer. So a streamed answer is one plain call, which Serve routes,
bounds and cancels as any other and which returns the whole answer at its end. While it runs,
its groups travel ahead of it over one TCP connection a pair of replicas, those of one engine
step in one write. Nothing depends on them: what is lost on the way, the call's result has.

A connection opens with the gateway's secret, which came with the calls, through Ray; then
come frames, each with its length before it. Both ends: relay_listener, relay_sender.
"""

from dataclasses import dataclass

import msgspec

from caption_studio.records import DeltaGroup

SECRET_BYTES = 32
LENGTH_BYTES = 4

MAX_FRAME_BYTES = 1024**2
"""Far above any group of deltas; a connection that announces more is closed."""

OPENING_TIMEOUT_S = 2.0
"""To connect, and to say the secret."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Where the groups of one answer go: a listener and the answer's number there."""

    host: str
    port: int
    secret: bytes
    number: int


class Frame(msgspec.Struct, array_like=True, frozen=True):
    """The `position`th group of answer `number`."""

    number: int
    position: int
    group: DeltaGroup
