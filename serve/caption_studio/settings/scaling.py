"""When a stage gets more replicas, and when fewer."""

from pydantic import Field

from caption_studio.settings.section import Section


class StageScaling(Section):
    """When one deployment gets more replicas, and when fewer."""

    target_ongoing: float = Field(gt=0, description="requests running and queued, a replica")
    lone_share: float = Field(
        1.0, gt=0, le=1, description="of the time at target_ongoing, what one alone takes"
    )
    upscale_delay_s: float = Field(
        5.0, ge=0, description="a burst that is over sooner is not worth a start of a minute"
    )
    downscale_delay_s: float = Field(
        300.0, ge=0, description="several cold starts: what is let go too early costs one"
    )
    to_zero_delay_s: float = Field(
        900.0, ge=0, description="for the last replica: the next request waits a whole cold start"
    )
    dead_band: float = Field(
        0.15, ge=0, description="room that must stay before one goes: noise of a steady load"
    )


class ScalingSettings(Section):
    """Replicas by load, on a cluster: `policy_kwargs` of deployments.scaling.JointPolicy."""

    gateway: StageScaling = StageScaling(target_ongoing=64)
    """64 requests of half a second each: 130 pictures/s, two thirds of two CPUs' decodes of 10 ms.

    An eighth of `max_in_flight`, which leaves room for requests that arrive while stages start.
    """
    describer: StageScaling = StageScaling(target_ongoing=96, lone_share=0.2)
    """A batch of 64 in the model and half of the next gathering: the device never idles.

    A lone picture is assumed to take three tenths of a batch's time and to skip the wait for half a
    batch. This is not measured on a GPU.
    """
    captioner: StageScaling = StageScaling(target_ongoing=192, lone_share=0.3)
    """Three quarters of the 256 sequences that one engine step holds on a GPU.

    A step of one sequence takes 4.1 ms. 640 captions/s of 25 tokens are steps of 16 ms with 256
    sequences, some 13 with 192 (H100, by arithmetic).
    """
    captioners_per_describer: float = Field(
        3.7, gt=0, description="replicas at equal flow: 2,350 pictures/s to 640 captions/s (H100)"
    )
