"""What the gateway shares with what must start quickly, and so without the settings."""

MAX_IN_FLIGHT = 512
"""Of one gateway; HAProxy before it (deployments.haproxy) refuses what goes far beyond."""

PACE_HEADER = "x-caption-studio-pace"
"""Microseconds from one refused caller's return to the next one's; for HAProxy, which drops it."""

ROOM_HEADER = "x-caption-studio-room"
"""How many requests may be open at this gateway before it refuses; for HAProxy, too."""

SHARE_HEADER = "x-caption-studio-share"
"""How many of them one key may have nevertheless; for HAProxy, too."""

GUESSED_PACE_S = 1 / 128
"""The same, as long as nobody knows: a full gateway is then answered in four seconds."""

MAX_DATA_URL_CHARS_PER_BYTE = 4 / 3 * 9 / 8
"""Base64, with room for line breaks and percent escapes.

The gateway keeps no more of a picture than this shows to be too large, and the reader of data URLs
takes whatever is longer for that.
"""
