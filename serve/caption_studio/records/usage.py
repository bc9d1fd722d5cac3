"""What each API key has used."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyUsage:
    """The usage of an API key.

    `requests` were admitted, `refused` ones got a 429 before any work was done. `pictures` were
    captioned. The tokens are the language model's, including those of streams that clients left
    early.
    """

    requests: int = 0
    refused: int = 0
    pictures: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "KeyUsage") -> "KeyUsage":
        return KeyUsage(
            self.requests + other.requests,
            self.refused + other.refused,
            self.pictures + other.pictures,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """The usage of each key by its name, or its fingerprint where it has none.

    It is counted since Unix time `since_s`.
    """

    since_s: float
    keys: Mapping[str, KeyUsage]
