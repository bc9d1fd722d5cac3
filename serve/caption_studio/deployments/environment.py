"""What Serve's processes must find in their environment when they start: they inherit it.

On clusters deploy/cluster-env.sh and the images set the same, but for what is of one machine.
"""

from pathlib import Path

from caption_studio.deployments import edge, haproxy


def serve_environment(folder: Path, *, longest_request_s: float) -> dict[str, str]:
    """Return it for a Serve on this machine alone, with HAProxy's files in `folder`.

    `folder` should be short, and what `longest_request_s` is: see `haproxy.environment`.
    """
    return {
        "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": edge.IMPORT_PATH,
        # glibc gives the threads of a process, some 50 here, up to 8 heaps for each core, and what
        # is free in one is of no use to another. After 3,500 mixed requests a gateway held 25 MB
        # that nothing used; with two heaps it is 4.
        "MALLOC_ARENA_MAX": "2",
        # Between replicas gRPC costs a third less than actor calls, and answers are small.
        "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
        # Whoever calls a replica here is asyncio code; a second loop for the calls, on a thread of
        # its own, only makes it wait for the GIL: an eighth of a gateway's CPU time for a text.
        "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
        # Ray would keep the last 100,000 actor calls in memory, for `ray list tasks` and for the
        # dashboard, which does not run here.
        "RAY_task_events_report_interval_ms": "0",
        # Serve ends a proxy that is not ready 5 s after its birth, and the start with it; on a
        # busy machine the imports alone take longer.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
        # The one HAProxy here hears at once which gateways there are, and takes two starts of its
        # command to go by it. Serve's 30 s are for others.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "5",
        **haproxy.environment(folder, longest_request_s=longest_request_s),
    }
