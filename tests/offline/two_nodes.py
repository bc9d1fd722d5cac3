"""Sends pictures through stand-ins for the stages on two Ray nodes, one of which is killed.

usage: python -m tests.offline.two_nodes PICTURES   (prints each, and the node of its caption)
"""

import asyncio
import sys

import psutil
import ray
from ray.cluster_utils import Cluster

from caption_studio.offline.flow import flow
from caption_studio.offline.messages import Asked, Decoded, Done, Message, Seen
from caption_studio.offline.plan import Plan, Pool
from caption_studio.settings import LoggingSettings

STEP_S = 0.05
KILL_AFTER = 100
"""Pictures that are done when the node is killed."""


class StandIn:
    """Makes of each picture what the next stage needs; the last one says on which node it is."""

    async def start(self) -> None:
        self.node = ray.get_runtime_context().get_node_id()

    async def work(self, message: Message) -> Message:
        await asyncio.sleep(STEP_S)
        name, models = message.picture, ("any",)
        if isinstance(message, Asked):
            return Decoded(name, models, b"\0" * 12288, 64, 64)
        if isinstance(message, Decoded):
            return Seen(name, models, name, None, None, is_shared=False)
        return Done(name, ({"picture": name, "model": "any", "caption": self.node},))

    def close(self) -> None:
        return None


def main() -> None:
    nodes = Cluster(shutdown_at_exit=False)
    try:
        nodes.add_node(num_cpus=2, include_dashboard=False)
        other = nodes.add_node(num_cpus=1)
        ray.init(address=nodes.address, configure_logging=False, log_to_driver=False)
        pool = Pool(2, 2, calls=2, options={"num_cpus": 0.3})
        asked = [Asked(str(number), "/", ("any",)) for number in range(int(sys.argv[1]))]
        for count, done in enumerate(
            flow(asked, Plan(pool, pool, pool), [StandIn] * 3, LoggingSettings()), start=1
        ):
            print(done.picture, done.rows[0]["caption"], flush=True)
            if count == KILL_AFTER:
                nodes.remove_node(other, allow_graceful=False)
    finally:
        ours = psutil.Process().children(recursive=True)
        ray.shutdown()
        nodes.shutdown()
        for process in ours:
            if process.is_running():
                process.kill()


if __name__ == "__main__":
    main()
