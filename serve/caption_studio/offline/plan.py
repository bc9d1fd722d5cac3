"""A config file and the machines there are → how many workers each stage has, and of what size.

The config file is the service's own. Describers and captioners ask for what its deployments ask
for, and decoders for what a gateway does, whose decoding they do. A deployment with a number of
replicas has that many workers. One that Serve scales by load gets what the machines hold, with
`CAPTIONERS_PER_DESCRIBER`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ray.serve.schema import DeploymentSchema, RayActorOptionsSchema, ServeApplicationSchema

from caption_studio.deployments.one_machine.config_file import StartFailed
from caption_studio.settings import Settings

ROWS_A_BATCH = 16
"""Pictures that go from stage to stage together. Few, since a kill loses the batches on their way;
Ray Data's work for a batch, some milliseconds, is small beside that of the models for 16."""

FULL = 1.5
"""Pictures at a worker, as a multiple of its engine's batch: the engine never waits for a batch."""

DEFAULT_CPUS = 0.5
"""Of a worker whose deployment names no number, as of the deployment itself."""

CAPTIONERS_PER_DESCRIBER = 3.7
"""Captioners that keep up with one describer: 2,350 pictures/s to 640 captions/s (H100, by
arithmetic). A run has no load to learn it from before its pools have their sizes."""

SMALL = 0.01
"""CPUs of a worker that asks for none, where it is divided by them."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The workers of one stage; each works on `calls` batches at a time.

    `options` are Ray's for its processes, as in `ray_actor_options`.
    """

    least: int
    most: int
    calls: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)

    def needs(self, name: Literal["num_cpus", "num_gpus"]) -> float:
        """Return what one worker asks for."""
        return float(self.options.get(name) or 0.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """The three pools."""

    decoders: Pool
    describers: Pool
    captioners: Pool

    @property
    def batches_ahead(self) -> int:
        """How many batches may wait for a stage: enough for all of its workers to take another."""
        pools = (self.describers, self.captioners)
        return max(2, *(math.ceil(pool.most * pool.calls / 2) for pool in pools))


def plan(
    application: ServeApplicationSchema,
    settings: Settings,
    has: Mapping[str, float],
    *,
    models: int,
) -> Plan:
    """Return the pools for the machines' resources, as `ray.cluster_resources` counts them.

    `models` is the number of captions of one picture. Raises `StartFailed` if it does not fit.
    """
    by_name = {deployment.name: deployment for deployment in application.deployments}
    gateway, describer, captioner = (
        _pool(by_name.get(name)) for name in ("Gateway", "Describer", "Captioner")
    )
    decoders, describers, captioners = _sizes(gateway, describer, captioner, has)
    return Plan(
        replace(gateway, least=1, most=decoders, calls=2),
        _fixed(describer, describers, settings.vision.max_batch_size),
        _fixed(captioner, captioners, settings.language.max_num_seqs / models),
    )


def _sizes(
    gateway: Pool, describer: Pool, captioner: Pool, has: Mapping[str, float]
) -> tuple[int, int, int]:
    """Return how many decoders there may be, and how many describers and captioners there are.

    Raises `StartFailed` if not even the least of each fit.
    """
    cpus, gpus = has.get("CPU", 0.0), has.get("GPU", 0.0)
    a_decoder = max(gateway.needs("num_cpus"), SMALL)

    def room(describers: int, captioners: int) -> int:
        """Return how many decoders fit beside these; -1 if there are too few GPUs."""
        wanted = [
            describers * describer.needs(name) + captioners * captioner.needs(name)
            for name in ("num_cpus", "num_gpus")
        ]
        # Ray counts in ten-thousandths.
        return -1 if round(wanted[1] - gpus, 4) > 0 else int(round(cpus - wanted[0], 4) / a_decoder)

    describers, captioners = describer.least, captioner.least
    if room(describers, captioners) < 1:
        raise StartFailed(
            f"The machines are too small for the config file. CPUs: {cpus:g}, GPUs: {gpus:g}; "
            f"wanted: Describers {describers}, Captioners {captioners}, and a decoder."
        )
    while True:  # one more, of the stage that is behind
        is_captioner = captioners < CAPTIONERS_PER_DESCRIBER * describers
        grown = (describers + (not is_captioner), captioners + is_captioner)
        if grown[0] > describer.most or grown[1] > captioner.most or room(*grown) < 1:
            return min(gateway.most, room(describers, captioners)), describers, captioners
        describers, captioners = grown


def _fixed(pool: Pool, size: int, batch: float) -> Pool:
    """Return a pool of this size for an engine whose batch holds so many pictures."""
    calls = max(2, math.ceil(FULL * batch / ROWS_A_BATCH))
    return replace(pool, least=size, most=size, calls=calls)


def _pool(deployment: DeploymentSchema | None) -> Pool:
    """Return what a deployment asks for: its number of replicas, or its least and most."""
    if deployment is None:
        return Pool(1, 1, options={"num_cpus": DEFAULT_CPUS})
    given = {}
    if isinstance(deployment.ray_actor_options, RayActorOptionsSchema):
        given = deployment.ray_actor_options.model_dump(exclude_unset=True)
    scaling = deployment.autoscaling_config
    if isinstance(scaling, Mapping):
        least = max(1, int(scaling.get("min_replicas", 1)))
        most = max(least, int(scaling.get("max_replicas", least)))
    else:
        least = most = deployment.num_replicas if isinstance(deployment.num_replicas, int) else 1
    return Pool(least, most, options={"num_cpus": DEFAULT_CPUS, **given})
