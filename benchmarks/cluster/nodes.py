"""A Ray cluster of several nodes on this machine, with Ray's autoscaler over fake nodes.

The head and the gateways' node are those of `ray.cluster_utils.Cluster`; the autoscaler (v2, as in
k8s/) adds and removes the nodes of the GPU stages. `ray.cluster_utils.AutoscalingCluster` is not
used: it reads a file that Ray 2.60's wheel lacks, and it begins and ends with `ray stop --force`,
which ends every Ray on the machine. The cluster has its own folder, ports, token and address, so it
neither finds nor touches another Ray.
"""

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.ports import free_port

ROOT = Path(__file__).parents[2]
KINDS = ("gateway", "describer", "captioner")
"""Kinds of nodes. Each offers a resource of its name, one unit per replica that it can hold."""

REPLICAS_PER_NODE = 2
IDLE_S = 6.0
HEAD = "ray.head.default"
NO_COMMANDS = (
    *("initialization_commands", "setup_commands"),
    *("head_setup_commands", "worker_setup_commands"),
    *("head_start_ray_commands", "worker_start_ray_commands"),
    "cluster_synced_files",
)
"""Ray requires these, although no node here is set up by commands."""


def environment(folder: Path) -> dict[str, str]:
    """Return the variables that a process needs from its start to run a cluster in `folder`."""
    from caption_studio.deployments.one_machine.environment import serve_environment

    path = os.pathsep.join([str(ROOT), str(ROOT / "serve"), os.environ.get("PYTHONPATH", "")])
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "PYTHONPATH": path,
        "OMP_NUM_THREADS": "1",
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
        "AUTOSCALER_METRIC_PORT": str(free_port()),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_FAKE_CLUSTER": "1",
        "RAY_TMPDIR": str(folder),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_enable_autoscaler_v2": "1",
        # Gateways use ports from here on; another Serve's begin at 30000 and 40000.
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": "31500",
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": "31999",
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": "41500",
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": "41999",
        **serve_environment(folder, longest_request_s=150),
    }


@contextmanager
def short_folder() -> Iterator[Path]:
    """Make a folder with a short path: Ray puts sockets in it, whose paths have 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="sc-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def cluster(folder: Path, *, most: dict[str, int]) -> Iterator[str]:
    """Start the cluster and connect this process; yields the address, and cleans up.

    `most` is the largest number of nodes the autoscaler may have, by kind.
    """
    import ray
    from ray.autoscaler._private.fake_multi_node.node_provider import FAKE_HEAD_NODE_ID
    from ray.cluster_utils import Cluster

    gcs_port = free_port()
    # Not loopback: Ray replaces it by the machine's address in some places only.
    address = f"{ray.util.get_node_ip_address()}:{gcs_port}"
    config = folder / "autoscaler.json"
    config.write_text(json.dumps(_autoscaler(address, FAKE_HEAD_NODE_ID, most)))
    nodes = Cluster(shutdown_at_exit=False)
    try:
        nodes.add_node(
            num_cpus=0,
            gcs_server_port=gcs_port,
            include_dashboard=False,
            autoscaling_config=str(config),
            env_vars={
                "RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID,
                "RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID,
                "RAY_NODE_TYPE_NAME": HEAD,
            },
        )
        nodes.add_node(num_cpus=0, resources={"gateway": REPLICAS_PER_NODE})
        ray.init(address=address, configure_logging=False, log_to_driver=False)
        yield address
    finally:
        ours = psutil.Process().children(recursive=True)
        ray.shutdown()
        nodes.shutdown()
        _end(ours)


def _autoscaler(address: str, head_id: str, most: dict[str, int]) -> dict[str, object]:
    kinds = {
        kind: {
            "resources": {"CPU": 0, kind: REPLICAS_PER_NODE, "object_store_memory": 100 * 2**20},
            "node_config": {},
            "min_workers": 0,
            "max_workers": count,
        }
        for kind, count in most.items()
    }
    head = {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0}
    return {
        "cluster_name": "one-machine",
        "max_workers": sum(most.values()),
        "idle_timeout_minutes": IDLE_S / 60,
        "head_node_type": HEAD,
        "available_node_types": {HEAD: head, **kinds},
        **{key: [] for key in NO_COMMANDS},
        "file_mounts": {},
        "upscaling_speed": 100,
        "provider": {
            "type": "external",
            "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
            "launch_multiple": True,
            "head_node_id": head_id,
            "gcs_address": address,
        },
    }


def _end(processes: list[psutil.Process]) -> None:
    """End our own processes that outlived the cluster: the autoscaler's fake nodes."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=10)
