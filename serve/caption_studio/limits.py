"""Bounds that the settings share with what must start quickly, and so without them."""

MAX_IN_FLIGHT = 512
"""Of one gateway; HAProxy before it (deployments.haproxy) refuses what goes far beyond."""
