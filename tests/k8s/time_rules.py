"""How long pods, clusters and HAProxy stay, against how long a request may take."""

import re
from collections.abc import Iterator
from math import ceil

from caption_studio.deployments.app import DRAIN_MARGIN_S
from caption_studio.deployments.edge.haproxy_environment import LONGEST_MARGIN_S
from caption_studio.settings import GatewaySettings, Settings
from tests.k8s.dockerfile import environment
from tests.k8s.rendered import Object, Rule, groups, ray_service, serve_config

COLD_START_S = 300
"""For a replica that takes another's place: a node, a pod, 14 GB of weights, CUDA graphs."""

DRAIN = re.compile(r"timeout (\d+) ray drain-node .* --deadline-remaining-seconds (\d+)")
HAPROXY_WAITS = ("RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S", "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S")


def workers_drain(objects: list[Object]) -> Iterator[str]:
    needed_s = COLD_START_S + _longest(objects).request_timeout_s + DRAIN_MARGIN_S
    for group in groups(objects):
        name, spec = group["groupName"], group["template"]["spec"]
        hook = spec["containers"][0].get("lifecycle", {}).get("preStop", {}).get("exec", {})
        told = DRAIN.search(" ".join(hook.get("command", [])))
        if told is None:
            yield f"{name}: its pods do not tell Ray that they end"
            continue
        telling_s, deadline_s = map(int, told.groups())
        if deadline_s < needed_s:
            yield f"{name}: {deadline_s} s are too short for another replica and the last requests"
        if spec.get("terminationGracePeriodSeconds", 30) < telling_s + deadline_s:
            yield f"{name}: its pods are killed before Ray's deadline"


def old_clusters_answer(objects: list[Object]) -> Iterator[str]:
    delay_s = ray_service(objects)["spec"].get("rayClusterDeletionDelaySeconds", 0)
    if delay_s < _longest(objects).request_timeout_s:
        yield "an old cluster goes before its requests end"


def haproxy_waits(objects: list[Object]) -> Iterator[str]:
    gateway = _longest(objects)
    longest_s = ceil(gateway.upload_timeout_s + gateway.request_timeout_s) + LONGEST_MARGIN_S
    for variable in HAPROXY_WAITS:
        if int(environment()[variable]) < longest_s:
            yield f"the image's {variable} is below {longest_s}"


def _longest(objects: list[Object]) -> GatewaySettings:
    """Return the gateway's settings with the longest deadline."""
    loaded = [Settings.load(one.get("args")) for one in serve_config(objects)["applications"]]
    return max((settings.gateway for settings in loaded), key=lambda one: one.request_timeout_s)


RULES: tuple[Rule, ...] = (workers_drain, old_clusters_answer, haproxy_waits)
