"""When a stage gets more replicas, and when fewer."""

from pydantic import Field

from caption_studio.settings.section import Section


class Pace(Section):
    """How soon a deployment follows what it needs."""

    upscale_delay_s: float = Field(
        5.0,
        ge=0,
        description="How long the load must be high before replicas are added. A shorter burst is "
        "not worth a start of a minute.",
    )
    downscale_delay_s: float = Field(
        300.0,
        ge=0,
        description="Replicas are removed only if none of this time needed them. A replica that is "
        "removed too early costs a cold start.",
    )
    to_zero_delay_s: float = Field(
        900.0,
        ge=0,
        description="The same time for the last replica: the next request then waits a cold start.",
    )
    dead_band: float = Field(
        0.15,
        ge=0,
        description="Replicas are removed only if the others could take this share more than the "
        "load, so that the noise of a steady load removes none.",
    )


class GatewayScaling(Pace):
    """When there are more gateways, and when fewer."""

    target_cpus: float = Field(
        1.3,
        gt=0,
        description="CPUs that each gateway should use: two thirds of the two in "
        "deploy/cluster.yaml.",
    )


class StageScaling(Pace):
    """When one stage gets more replicas, and when fewer."""

    target_ongoing: float = Field(
        gt=0, description="Requests, running and queued, that each replica should have."
    )
    lone_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="How long a request takes alone, as a share of its time at `target_ongoing`. "
        "Used until a replica was measured near its target.",
    )
    target_p95_s: float | None = Field(
        None,
        gt=0,
        description="Seconds within which 95 % of the stage's calls should be answered; of a "
        "stream, the time to its first text. If `target_ongoing` requests in a replica take "
        "longer, each replica gets fewer. Null: only the load counts.",
    )


class ScalingSettings(Section):
    """When replicas come and go by load, with the joint policy of `deploy/cluster.yaml`."""

    gateway: GatewayScaling = Field(
        GatewayScaling(), description="When there are more or fewer gateways."
    )
    describer: StageScaling = Field(
        StageScaling(target_ongoing=96, lone_share=0.2),
        description="When there are more or fewer describers.",
    )
    """A batch of 64 in the model and half of the next gathering: the device never idles.

    A lone picture is assumed to take three tenths of a batch's time and to skip the wait for half a
    batch. This is not measured on a GPU.
    """
    captioner: StageScaling = Field(
        StageScaling(target_ongoing=192, lone_share=0.3),
        description="When there are more or fewer captioners.",
    )
    """Three quarters of the 256 sequences that one engine step holds on a GPU.

    A step of one sequence takes 4.1 ms. 640 captions/s of 25 tokens are steps of 16 ms with 256
    sequences, some 13 with 192 (H100, by arithmetic).
    """
