"""Groups of deltas from a captioner's replica to a gateway's, outside Ray: common to both ends.

Each item that a Serve handle streams is an actor call with its own object, and twenty of them cost
more than the answer. So a streamed answer is one plain call, which Serve routes, bounds and cancels
as any other, and which returns the whole answer at its end. Meanwhile its groups are sent ahead
over one TCP connection per pair of replicas; those of one engine step share one write. Nothing
depends on them: groups lost on the way are in the call's result.

A connection opens with the gateway's secret, which it sent with its calls through Ray. Frames
follow, each preceded by its length. The ends: listener, sender.
"""

from dataclasses import dataclass

import msgspec

from caption_studio.records import DeltaGroup

SECRET_BYTES = 32
LENGTH_BYTES = 4

MAX_FRAME_BYTES = 1024**2
"""Far above any group of deltas; a connection that announces more is closed."""

OPENING_TIMEOUT_S = 2.0
"""Limit for connecting and for sending the secret."""


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
