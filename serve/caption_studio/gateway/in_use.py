"""What of a gateway's room is in use, told for the scaling of gateways and stages."""

from caption_studio.gateway.byte_budget import ByteBudget
from caption_studio.gateway.places import Places
from caption_studio.observability.work import BYTES_SHARE, FULL, IN_FLIGHT, PLACES, Work
from caption_studio.settings import GatewaySettings

ALMOST = 0.95
"""Share of the places with which a gateway counts as full: HAProxy spreads requests unevenly, and
refuses by the places of all."""


def tell_in_use(work: Work, places: Places, budget: ByteBudget, settings: GatewaySettings) -> None:
    """Report the places and the bytes that requests hold."""
    work.watch(IN_FLIGHT, lambda: places.in_flight)
    work.watch(PLACES, lambda: settings.max_in_flight)
    work.watch(FULL, lambda: places.in_flight >= ALMOST * places.limit)
    work.watch(BYTES_SHARE, lambda: budget.held_bytes / settings.max_body_bytes_in_flight)
