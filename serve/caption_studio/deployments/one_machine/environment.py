"""The environment variables that Serve's processes need; they inherit them at their start.

On clusters, deploy/cluster-env.sh and the images set them, except those for one machine only.
"""

from pathlib import Path

from caption_studio.deployments import allocator
from caption_studio.deployments.edge import haproxy_environment, middlewares

NO_TASK_EVENTS = {"RAY_task_events_report_interval_ms": "0"}
"""Ray would keep the last 100,000 tasks and actor calls in memory, for `ray list tasks` and for the
dashboard, which does not run on one machine."""


def serve_environment(folder: Path, *, longest_request_s: float) -> dict[str, str]:
    """Return the variables for a Serve on this machine alone, with HAProxy's files in `folder`.

    See `haproxy_environment.environment` for `longest_request_s` and the length of `folder`.
    """
    return {
        "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": middlewares.IMPORT_PATH,
        "MALLOC_ARENA_MAX": str(allocator.HEAPS),
        # Between replicas gRPC costs a third less than actor calls, and answers are small.
        "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
        # All callers of replicas here are asyncio code. A second event loop for the calls, on its
        # own thread, only adds waits for the GIL: an eighth of a gateway's CPU time for a text.
        "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
        **NO_TASK_EVENTS,
        # By default Ray's workers run at niceness 15, so whatever else wants a CPU gets 28 times
        # their share of it, a client on this machine and Ray's own agents included: on two busy
        # cores 1.05 times the texts a second, 1.12 streamed (6 windows each, in turn).
        "RAY_worker_niceness": "0",
        # By default Serve kills a proxy that is not ready after 5 s, and the whole start fails; on
        # a busy machine the imports alone take longer.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
        # The one HAProxy here learns of a change of gateways at once, and applies it after two
        # starts of its command. Serve's default of 30 s is for other set-ups.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "5",
        **haproxy_environment.environment(folder, longest_request_s=longest_request_s),
    }
