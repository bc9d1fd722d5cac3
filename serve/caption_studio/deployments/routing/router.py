"""A gateway's call → the replica that is likely to have what the call needs.

Serve makes one router in each gateway for each stage. Calls without a key, and those that need
nothing that a replica keeps, go to the less busy of two random replicas, as in Serve's own router.

Serve sends these classes by value (ray/serve/config.py, `_serialize_request_router_cls`, 2.60), so
this module holds nothing that must be one object for all.
"""

import random
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ray.serve.config import RequestRouterConfig
from ray.serve.request_router import (
    FIFOMixin,
    PendingRequest,
    ReplicaID,
    RequestRouter,
    RunningReplica,
)

from caption_studio.deployments.direct.frames import ADDRESS, Address
from caption_studio.deployments.routing import known
from caption_studio.deployments.routing.crowd import Crowd
from caption_studio.deployments.routing.order import first_within_bound, in_order
from caption_studio.deployments.routing.recent import Recent
from caption_studio.records import Adapter, Pixels, Prompt

LATELY = 16_384
"""Pictures that a gateway knows to have passed it, in 3 MB."""


class AffinityRouter(FIFOMixin, RequestRouter):  # type: ignore[misc]  # Ray is followed by no types
    """Sends equal keys to the same replica, as long as it is not much busier than the others.

    How busy is counted by this gateway alone: where each gateway keeps the bound, all together do.
    What Serve knows of other gateways' calls may be ten seconds old, and a replica that is thought
    to be busy would not be asked, so that nobody would learn better.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._named: dict[str, RunningReplica] = {}
        self._addresses: dict[str, Address] = {}
        self._under_way: Counter[str] = Counter()
        known.routers[self._deployment_id] = self

    def key(self, asked: object) -> bytes | None:
        """Return what the replica should know already, None if any replica will do."""
        raise NotImplementedError

    def is_new(self, key: bytes) -> bool:
        """Return whether it is likely that no replica knows this key."""
        return False

    def update_replicas(self, replicas: list[RunningReplica]) -> None:
        """See Serve's `RequestRouter`; called whenever a replica comes, goes or changes."""
        self._named = {replica.replica_id.unique_id: replica for replica in replicas}
        addresses = {name: one.replica_metadata.get(ADDRESS) for name, one in self._named.items()}
        self._addresses = {name: address for name, address in addresses.items() if address}
        super().update_replicas(replicas)

    def on_send_request(self, replica_id: ReplicaID) -> None:
        """See Serve's `RequestRouter`; a call goes to a replica, which may still refuse it."""
        super().on_send_request(replica_id)
        self.begun(replica_id.unique_id)

    def on_request_completed(self, replica_id: ReplicaID, internal_request_id: str) -> None:
        """See Serve's `RequestRouter`; a call has ended, however it did."""
        super().on_request_completed(replica_id, internal_request_id)
        self.ended(replica_id.unique_id)

    def begun(self, replica: str) -> None:
        """Count a call that begins at this replica."""
        self._under_way[replica] += 1

    def ended(self, replica: str) -> None:
        """Count a call as over; a replica without any is forgotten."""
        self._under_way[replica] -= 1
        if self._under_way[replica] <= 0:
            self._under_way.pop(replica, None)

    def pick(self, asked: object, is_lost: Callable[[Address], bool]) -> Address | None:
        """Return the replica for a direct call, None if none can be reached.

        It is the one that `choose_replicas` would let Serve take.
        """
        addresses = self._addresses  # Serve may put others there meanwhile
        loads = {
            name: self._under_way[name]
            for name, address in addresses.items()
            if not is_lost(address)
        }
        if not loads:
            return None
        names = list(loads)
        if len(names) > 1:
            key = self.key(asked)
            chosen = [] if key is None else self._with_affinity(key, loads)
            names = chosen or random.sample(names, 2)
        return addresses[min(names, key=loads.__getitem__)]

    async def choose_replicas(
        self,
        candidate_replicas: list[RunningReplica],
        pending_request: PendingRequest | None = None,
    ) -> list[list[RunningReplica]]:
        """Return the replicas to be asked, in groups; of a group Serve takes the least busy.

        Should the key's replica be full or silent, any other may take the call.
        """
        key = None
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True  # else a retry never waits
            args = pending_request.args
            key = self.key(args[0] if args else None)
        if key is not None and len(candidate_replicas) > 1:
            names = [one.replica_id.unique_id for one in candidate_replicas]
            chosen = self._with_affinity(key, {name: self._under_way[name] for name in names})
            first = [self._named[name] for name in chosen]
            return [first, [one for one in candidate_replicas if one not in first]]
        return [random.sample(candidate_replicas, min(2, len(candidate_replicas)))]

    def _with_affinity(self, key: bytes, loads: Mapping[str, int]) -> list[str]:
        """Return the key's replica, or two for a new key: the less busy of them takes it.

        Of two that are equally busy Serve takes the first.
        """
        order = in_order(key, loads)
        if self.is_new(key):
            return order[:2]
        name = first_within_bound(order, loads)
        return [] if name is None else [name]

    def _get_pending_request_matching_metadata(
        self, request_metadata: Any = None
    ) -> PendingRequest | None:
        """Return the very call that a replica was chosen for, not the one that waits longest.

        Calls of one HTTP request share their id, so it is the object that is compared.
        """
        for waiting in self._pending_requests_to_fulfill:
            if waiting.metadata is request_metadata and not waiting.future.done():
                return waiting
        return None


class PictureRouter(AffinityRouter):
    """Sends equal pictures to the describer that remembers their description.

    A picture that is new goes to the less busy of two, so that pictures which never come again wait
    no longer than with Serve's own router. The two depend on the picture, and gateways agree on
    them, so no picture is described by more than two as long as no replica is too busy.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._recent = Recent(LATELY)

    def initialize_state(self, **kwargs: Any) -> None:
        """Take `remembers`: whether describers remember descriptions at all."""
        self._remembers = kwargs["remembers"]

    def key(self, asked: object) -> bytes | None:
        """Return the checksum of the pixels that a describer is asked about.

        Equal pictures have equal checksums. Two others with the same one share a replica, no more.
        The description cache's own hash would cost twenty times as much.
        """
        if not self._remembers or not isinstance(asked, Pixels):
            return None
        return zlib.crc32(asked.data).to_bytes(4)

    def is_new(self, key: bytes) -> bool:
        """Return whether no such picture passed this gateway lately."""
        return not self._recent.add(key)


class AdapterRouter(AffinityRouter):
    """Sends prompts to the captioner that has their adapter loaded.

    As long as all adapters in use fit into every replica, any replica will do.
    """

    def initialize_state(self, **kwargs: Any) -> None:
        """Take `room`: the adapters that one replica has in its model at a time."""
        self._crowd = Crowd(kwargs["room"])

    def key(self, asked: object) -> bytes | None:
        """Return the id of the adapter that a captioner is asked to use or to load."""
        adapter = asked.adapter if isinstance(asked, Prompt) else asked
        if not isinstance(adapter, Adapter):
            return None
        return adapter.id.encode() if self._crowd.add(adapter.id) else None


def by_picture(*, remembers: bool) -> RequestRouterConfig:
    """Return how calls find a describer; `remembers`: it may know the picture's description."""
    return RequestRouterConfig(
        request_router_class=PictureRouter, request_router_kwargs={"remembers": remembers}
    )


def by_adapter(room: int) -> RequestRouterConfig:
    """Return how calls find a captioner with `room` adapters in its model at a time."""
    return RequestRouterConfig(
        request_router_class=AdapterRouter, request_router_kwargs={"room": room}
    )
