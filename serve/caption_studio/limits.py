"""Constants that the gateway shares with modules that must start quickly, without the settings."""

MAX_IN_FLIGHT = 512
"""Requests in one gateway; HAProxy in front (deployments.edge.haproxy) refuses those far beyond."""

PACE_HEADER = "x-caption-studio-pace"
"""Microseconds between the returns of two refused clients; for HAProxy, which removes it."""

ROOM_HEADER = "x-caption-studio-room"
"""How many requests may be open at this gateway before it refuses; for HAProxy, too."""

SHARE_HEADER = "x-caption-studio-share"
"""How many of them one key may have even if all are taken; for HAProxy, too."""

GUESSED_PACE_S = 1 / 128
"""The pace in seconds until one is known: a full gateway is then answered in four seconds."""

MAX_DATA_URL_CHARS_PER_BYTE = 4 / 3 * 9 / 8
"""Base64, with room for line breaks and percent escapes.

The gateway keeps a picture's text only to the length that proves it too large, and the reader of
data URLs takes any longer one as too large.
"""
