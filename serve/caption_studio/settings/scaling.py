"""When a stage gets more replicas, and when fewer."""

from pydantic import Field

from caption_studio.settings.section import Section


class Pace(Section):
    """How soon a deployment follows what it needs."""

    upscale_delay_s: float = Field(
        5.0, ge=0, description="a burst that is over sooner is not worth a start of a minute"
    )
    downscale_delay_s: float = Field(
        300.0, ge=0, description="fewer only if none of this time needed more: several cold starts"
    )
    to_zero_delay_s: float = Field(
        900.0, ge=0, description="for the last replica: the next request waits a whole cold start"
    )
    dead_band: float = Field(
        0.15, ge=0, description="room that must stay before one goes: noise of a steady load"
    )


class GatewayScaling(Pace):
    """When there are more gateways, and when fewer: by the CPUs that they use."""

    target_cpus: float = Field(
        1.3,
        gt=0,
        description="CPUs in use, a gateway: two thirds of the two in deploy/cluster.yaml",
    )


class StageScaling(Pace):
    """When one stage gets more replicas, and when fewer."""

    target_ongoing: float = Field(gt=0, description="requests running and queued, a replica")
    lone_share: float = Field(
        1.0,
        gt=0,
        le=1,
        description="of the time at target_ongoing, what one alone takes; used until a replica's"
        " rate was measured near its target",
    )


class ScalingSettings(Section):
    """Replicas by load, on a cluster: `policy_kwargs` of deployments.scaling.JointPolicy."""

    gateway: GatewayScaling = GatewayScaling()
    describer: StageScaling = StageScaling(target_ongoing=96, lone_share=0.2)
    """A batch of 64 in the model and half of the next gathering: the device never idles."""
    captioner: StageScaling = StageScaling(target_ongoing=192, lone_share=0.3)
    """Three quarters of the 256 sequences that one engine step holds on a GPU.

    A step of one sequence takes 4.1 ms. 640 captions/s of 25 tokens are steps of 16 ms with 256
    sequences, some 13 with 192 (H100, by arithmetic).
    """
