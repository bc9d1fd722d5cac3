"""A config file and the machines there are → how many workers each stage has, and of what size.

The config file is the service's own. Describers and captioners ask for what its deployments ask
for, and decoders for what a gateway does, whose decoding they do. A deployment with a number of
replicas has that many workers. One that Serve scales by load gets what the machines hold, as many
captioners for each describer as `scaling.captioners_per_describer` says.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ray.serve.schema import DeploymentSchema, RayActorOptionsSchema, ServeApplicationSchema

from caption_studio.settings import Settings

ROWS_A_BATCH = 16
"""Pictures that go from stage to stage together. Few, since a kill loses the batches on their way;
Ray Data's work for a batch, some milliseconds, is small beside that of the models for 16."""

FULL = 1.5
"""Pictures at a worker, as a multiple of its engine's batch: the engine never waits for a batch."""

DEFAULT_CPUS = 0.5
"""Of a worker whose deployment names no number, as of the deployment itself."""

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

    `models` is the number of captions of one picture.
    """
    by_name = {deployment.name: deployment for deployment in application.deployments}
    gateway, describer, captioner = (
        _pool(by_name.get(name)) for name in ("Gateway", "Describer", "Captioner")
    )
    ratio = settings.scaling.captioners_per_describer
    cpus, gpus = has.get("CPU", 0.0), has.get("GPU", 0.0)

    def left(describers: int, captioners: int) -> float:
        """Return the CPUs that are left for decoders; negative if it is too much."""
        wanted_gpus = describers * describer.needs("num_gpus")
        wanted_gpus += captioners * captioner.needs("num_gpus")
        if wanted_gpus > gpus:
            return -1.0
        wanted = describers * describer.needs("num_cpus")
        return cpus - wanted - captioners * captioner.needs("num_cpus")

    describers, captioners = describer.least, captioner.least
    while True:  # one more, of the stage that is behind
        is_captioner = captioners < ratio * describers
        grown = (describers + (not is_captioner), captioners + is_captioner)
        is_beyond = grown[0] > describer.most or grown[1] > captioner.most
        if is_beyond or left(*grown) < gateway.needs("num_cpus"):
            break
        describers, captioners = grown
    decoders = int(left(describers, captioners) / max(gateway.needs("num_cpus"), SMALL))
    rows = settings.language.max_num_seqs / models
    return Plan(
        replace(gateway, least=1, most=max(1, min(gateway.most, decoders)), calls=2),
        replace(
            describer,
            least=describers,
            most=describers,
            calls=_calls(settings.vision.max_batch_size),
        ),
        replace(captioner, least=captioners, most=captioners, calls=_calls(rows)),
    )


def _calls(rows: float) -> int:
    return max(2, math.ceil(FULL * rows / ROWS_A_BATCH))


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
