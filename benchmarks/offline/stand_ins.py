"""Rows through Ray Data with stand-ins for the engines: what a run of many pictures holds.

usage: python -m benchmarks.offline.stand_ins PICTURES TABLE
"""

import sys
from collections.abc import Generator, Sequence
from pathlib import Path

from caption_studio.offline.messages import Asked, Decoded, Done, Message, Seen
from caption_studio.offline.run import Job, run

MODELS = ("any",)
SIDE_PX = 64
CAPTION = "Three yellow balloons over a calm sea under a rainbow, what a view! #balloonride"
CALLS = 4
CPUS = 0.25


class StandIn:
    """Makes of each picture at once what the next stage needs."""

    async def start(self) -> None:
        """See `offline.stage.Stage`."""

    async def work(self, message: Message) -> Message:
        """See `offline.stage.Stage`."""
        name = message.picture
        if isinstance(message, Asked):
            return Decoded(name, MODELS, bytes(3 * SIDE_PX**2), SIDE_PX, SIDE_PX)
        if isinstance(message, Decoded):
            return Seen(name, MODELS, "three yellow balloons", None, None, is_shared=False)
        row = {"picture": name, "model": "any", "description": "balloons", "caption": CAPTION}
        return Done(name, (row,))

    def close(self) -> None:
        """See `offline.stage.Stage`."""


def flow(lacking: Sequence[Asked]) -> Generator[Done]:
    """Yield the pictures as the command's own flow does, on a Ray of this machine."""
    from caption_studio.offline.cluster import connected
    from caption_studio.offline.flow import flow as on_ray
    from caption_studio.offline.plan import Plan, Pool
    from caption_studio.settings import LoggingSettings

    pool = Pool(1, 1, calls=CALLS, options={"num_cpus": CPUS})
    with connected(None):
        yield from on_ray(lacking, Plan(pool, pool, pool), [StandIn] * 3, LoggingSettings())


if __name__ == "__main__":
    pictures = [
        Asked(f"photos/{number:07}.jpg", f"/photos/{number:07}.jpg", MODELS)
        for number in range(int(sys.argv[1]))
    ]
    sys.exit(run(Job(pictures, Path(sys.argv[2]), overwrite=True), flow))
