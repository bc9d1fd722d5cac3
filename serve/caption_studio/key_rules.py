"""The form of an API key or an admin key, whatever its source."""

import re

MIN_KEY_CHARACTERS = 16
"""A shorter one can be guessed; an empty or blank one would let everybody in."""

_VISIBLE = re.compile(r"[!-~]+")


def check_key(key: str) -> None:
    """Raise `ValueError` if the key breaks a rule; the message does not show the key."""
    if len(key) < MIN_KEY_CHARACTERS:
        raise ValueError(
            f"a key must have at least {MIN_KEY_CHARACTERS} characters, this one has {len(key)}"
        )
    if not _VISIBLE.fullmatch(key):
        raise ValueError("a key must be visible ASCII characters without white space")
