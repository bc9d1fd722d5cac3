"""Captions pictures with stand-ins for the stages on two Ray nodes, one of which is killed.

usage: python -m tests.offline.two_nodes PICTURES TABLE [POISON]

The captions name their nodes. The workers fill both nodes, so there is no room for those of the
killed node on the other one. The picture POISON ends its worker.
"""

import asyncio
import os
import sys
from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path

import psutil
import ray
from ray.cluster_utils import Cluster

from caption_studio.offline.cluster import connected, ends_told
from caption_studio.offline.flow import flow
from caption_studio.offline.messages import Asked, Decoded, Done, Message, Seen
from caption_studio.offline.plan import Plan, Pool
from caption_studio.offline.restarts import restarting
from caption_studio.offline.run import Job, run
from caption_studio.settings import LoggingSettings
from tests import orphans

STEP_S = 0.05
KILL_AFTER = 100
"""Pictures that are done when the node is killed."""

MODELS = ("any",)
OPTIONS = {"num_cpus": 1, "scheduling_strategy": "SPREAD"}
SEES_CRASHES = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000}
"""Ray's head waits for half a minute by default before it gives a silent node up."""


class StandIn:
    """Makes of each picture what the next stage needs; the last one says on which node it is.

    It may have a process of its own, as a captioner has.
    """

    def __init__(self, poison: str | None, *, has_engine: bool = False) -> None:
        self.poison = poison
        self.has_engine = has_engine

    async def start(self) -> None:
        if self.has_engine:
            orphans.start()
        self.node = ray.get_runtime_context().get_node_id()

    async def work(self, message: Message) -> Message:
        await asyncio.sleep(STEP_S)
        name = message.picture
        if name == self.poison:
            os._exit(1)
        if isinstance(message, Asked):
            return Decoded(name, MODELS, b"\0" * 12288, 64, 64)
        if isinstance(message, Decoded):
            return Seen(name, MODELS, name, None, None, is_shared=False)
        return Done(name, ({"picture": name, "model": "any", "caption": self.node},))

    def close(self) -> None:
        return None


def main() -> int:
    poison = sys.argv[3] if len(sys.argv) > 3 else None
    nodes = Cluster(shutdown_at_exit=False)
    try:
        nodes.add_node(num_cpus=3, include_dashboard=False, _system_config=SEES_CRASHES)
        others = [nodes.add_node(num_cpus=3)]

        def on_nodes(lacking: Sequence[Asked]) -> Generator[Done]:
            with ends_told(), connected(nodes.address) as has:
                size = int(has["CPU"]) // 3
                pool = Pool(size, size, calls=2, options=OPTIONS)
                stand_in = partial(StandIn, poison)
                stages = [stand_in, stand_in, partial(stand_in, has_engine=True)]
                rows = flow(lacking, Plan(pool, pool, pool), stages, LoggingSettings())
                for count, done in enumerate(rows, start=1):
                    yield done
                    if count == KILL_AFTER and others:
                        nodes.remove_node(others.pop(), allow_graceful=False)

        asked = [Asked(f"{number:04}", "/", MODELS) for number in range(int(sys.argv[1]))]
        return run(Job(asked, Path(sys.argv[2])), restarting(on_nodes))
    finally:
        ours = psutil.Process().children(recursive=True)
        nodes.shutdown()
        for process in ours:
            if process.is_running():
                process.kill()


if __name__ == "__main__":
    sys.exit(main())
