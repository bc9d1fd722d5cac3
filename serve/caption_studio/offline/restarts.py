"""A flow that starts anew after the death of a node, for the pictures that it has not done.

Not here: how such a death is noticed (`nodes`).
"""

import sys
from collections.abc import Generator, Sequence
from contextlib import closing

from tqdm import tqdm

from caption_studio.offline.messages import Asked, Done
from caption_studio.offline.run import Flow, Unfinished

IN_VAIN = 3
"""Deaths in a row, with no picture done between them, that end the run."""


class NodeDied(Unfinished):
    """A node of the cluster has died, and the flow with it."""


def restarting(flow: Flow) -> Flow:
    """Return a flow that survives `NodeDied` of the given one, up to `IN_VAIN` times in a row."""

    def flow_to_the_end(asked: Sequence[Asked]) -> Generator[Done]:
        left = {one.picture: one for one in asked}
        in_vain = 0
        while True:
            begun_with = len(left)
            try:
                with closing(flow(list(left.values()))) as rows:
                    for done in rows:
                        del left[done.picture]
                        yield done
                return
            except NodeDied:
                in_vain = in_vain + 1 if len(left) == begun_with else 0
                if in_vain == IN_VAIN:
                    raise
            with tqdm.external_write_mode(file=sys.stderr):
                print(f"caption-studio: {_told(len(left))}", file=sys.stderr)

    return flow_to_the_end


def _told(left: int) -> str:
    return f"a node has died; the models start anew for the {left} pictures that are left …"
