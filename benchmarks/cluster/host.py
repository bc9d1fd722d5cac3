"""`python -m benchmarks.cluster.host FOLDER PORT`: the cluster, in a process of its own.

Serves the application on 127.0.0.1:PORT, over stand-ins or the embedded models. Twice a second it
writes nodes and replicas as one line of JSON to FOLDER/timeline.jsonl. Commands are lines on
standard input: `drain captioner` removes the busiest captioner node with notice, as a cloud would,
and `kill captioner` without notice. The end of the input ends everything.
"""

import argparse
import json
import queue
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import ray
from ray import serve
from ray.core.generated import autoscaler_pb2
from ray.serve.schema import ApplicationStatus, ServeDeploySchema

from benchmarks.cluster import models
from benchmarks.cluster.nodes import KINDS, REPLICAS_PER_NODE, cluster
from caption_studio.deployments.one_machine.run import deploy

SAMPLE_S = 0.5
START_TIMEOUT_S = 120.0
NOTICE_S = 60.0
"""Time from the notice until a drained node would be removed."""


STAND_INS = "benchmarks.cluster.application:build"
EMBEDDED = "caption_studio.deployments.app:build"
MOST_EMBEDDED = {"describer": 1, "captioner": 2}
"""Limits of the real engines' replicas on two cores."""


def serve_config(port: int, *, to_zero: bool, quiet_s: float, embedded: bool) -> ServeDeploySchema:
    """Return an application like deploy/cluster.yaml's, over stand-ins or real engines."""
    delays = {
        "metrics_interval_s": models.REPORT_S,
        "look_back_period_s": models.LOOK_BACK_S,
        "upscale_delay_s": 0,
        "downscale_delay_s": 0,
    }
    least = {"gateway": 1, **dict.fromkeys(("describer", "captioner"), 0 if to_zero else 1)}
    most = {"gateway": REPLICAS_PER_NODE, "describer": models.DESCRIBER.max_replicas}
    most["captioner"] = models.CAPTIONER.max_replicas
    most |= MOST_EMBEDDED if embedded else {}
    deployments = [
        {
            "name": kind.capitalize(),
            "autoscaling_config": {
                "min_replicas": least[kind],
                "max_replicas": most[kind],
                **delays,
            },
            "max_ongoing_requests": {"gateway": 1024}.get(kind, 2 * models.TOGETHER),
            "ray_actor_options": {"num_cpus": 0, "resources": {kind: 1}},
        }
        for kind in KINDS
    ]
    application = {
        "name": "caption-studio",
        "route_prefix": "/",
        "import_path": EMBEDDED if embedded else STAND_INS,
        "autoscaling_policy": {
            "policy_function": "caption_studio.deployments.scaling:JointPolicy",
            "policy_kwargs": models.scaling(quiet_s).model_dump(),
        },
        "args": {"gateway": {"request_timeout_s": 120, "max_predicted_s": 60}},
        "deployments": deployments,
    }
    return ServeDeploySchema.model_validate(
        {
            "proxy_location": "HeadOnly",
            "http_options": {"host": "127.0.0.1", "port": port},
            "logging_config": {"log_level": "WARNING", "enable_access_log": False},
            "applications": [application],
        }
    )


def snapshot(client: Any) -> dict[str, Any]:
    """Return nodes by kind, and each deployment's target and its replicas' places."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    kinds = {node["NodeID"]: _kind(node) for node in alive}
    line: dict[str, Any] = {"monotonic_s": time.monotonic(), "nodes": Counter(kinds.values())}
    application = client.get_serve_details()["applications"].get("caption-studio", {})
    for name, deployment in application.get("deployments", {}).items():
        replicas = deployment["replicas"]
        line[name] = {
            "target": deployment["target_num_replicas"],
            "states": Counter(replica["state"].value for replica in replicas),
            "places": {
                replica["replica_id"]: (replica["node_id"], kinds.get(replica["node_id"], "gone"))
                for replica in replicas
                if replica["state"] == "RUNNING"
            },
        }
    return line


def _kind(node: dict[str, Any]) -> str:
    return next((kind for kind in KINDS if kind in node["Resources"]), "head")


def busiest(line: dict[str, Any], kind: str) -> str | None:
    """Return the id of the node with the most running replicas of a kind; None without one."""
    places = line[kind.capitalize()]["places"].values()
    found = Counter(node for node, _ in places).most_common(1)
    return str(found[0][0]) if found else None


def drain(node_id: str, address: str) -> None:
    """Give notice that a node will be removed, as a cloud does with a spot machine."""
    accepted, why_not = ray._raylet.GcsClient(address=address).drain_node(
        node_id,
        autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION"),
        "taken away by the experiment",
        int((time.time() + NOTICE_S) * 1000),
    )
    if not accepted:
        raise RuntimeError(f"the node may not be drained: {why_not}")


def kill(node_id: str) -> None:
    """Kill a node's raylet without notice; its replicas end with it."""
    for process in psutil.Process().children(recursive=True):
        if process.name() == "raylet" and any(node_id in word for word in process.cmdline()):
            process.kill()
            return
    raise RuntimeError(f"no raylet of node {node_id}")


def _read_commands(commands: "queue.Queue[str | None]") -> None:
    for line in sys.stdin:
        commands.put(line.strip())
    commands.put(None)


def watch(client: Any, address: str, output: Path) -> None:
    """Write the timeline and run commands, until the input ends.

    A command waits until there is a node of its kind with a running replica.
    """
    commands: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read_commands, args=(commands,), daemon=True).start()
    waiting: list[str] = []
    with output.open("a", buffering=1) as lines:
        while True:
            line = snapshot(client)
            with suppress(queue.Empty):
                if (command := commands.get(timeout=SAMPLE_S)) is None:
                    return
                waiting.append(command)
            if waiting and (event := _done(waiting[0], line, address)):
                line["event"] = event
                del waiting[0]
            lines.write(json.dumps(line) + "\n")


def _done(command: str, line: dict[str, Any], address: str) -> str | None:
    """Run a command; return the event, or None if there is no such node yet."""
    what, kind = command.split()
    node_id = busiest(line, kind)
    if node_id is None:
        return None
    drain(node_id, address) if what == "drain" else kill(node_id)
    return f"{what} {kind} node {node_id}"


def main() -> None:
    """Start the cluster, print `ready`, and watch."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--to-zero", action="store_true")
    parser.add_argument("--embedded", action="store_true")
    parser.add_argument("--quiet-s", type=float, default=models.QUIET_S)
    options = parser.parse_args()
    config = serve_config(
        options.port, to_zero=options.to_zero, quiet_s=options.quiet_s, embedded=options.embedded
    )
    most = {"describer": 1, "captioner": 4}  # one more than needed, to replace a removed node
    with cluster(options.folder, most=most) as address:
        try:
            client = deploy(config)
            deadline_s = time.monotonic() + START_TIMEOUT_S
            while (status := serve.status().applications["caption-studio"]).status != (
                ApplicationStatus.RUNNING
            ):
                if time.monotonic() > deadline_s or status.status == "DEPLOY_FAILED":
                    raise RuntimeError(f"the application does not start: {status}")
                time.sleep(SAMPLE_S)
            print("ready", flush=True)
            watch(client, address, options.folder / "timeline.jsonl")
        finally:
            serve.shutdown()


if __name__ == "__main__":
    main()
