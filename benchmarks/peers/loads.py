"""The loads that all peers get, from the same client, with the same seeds."""

import zlib
from dataclasses import dataclass

from benchmarks.peers.servers.captioning import MAX_NEW_TOKENS, TEMPERATURE, TOP_P, caption_prompt
from benchmarks.scenario import Closed, ModelShare, Pictures, Poisson, Requests, Scenario, Text

TEXT_TOKENS = 20
PICTURES = 2000
"""Painted for each window, in 7 s. No server describes as many in a window, so none repeats."""

REPEATED_PICTURES = 100
"""Pool of the load that shows the effect of a cache of descriptions."""

OPEN_CAPTIONS_PER_S = 4.0
OPEN_TEXTS_PER_S = 20.0
"""A rate that every server sustains, even the notebook: open loads compare latencies."""

TIMEOUT_S = 120.0
WARMUP_REQUESTS = 16
WARMUP_TIMEOUT_S = 180.0
"""The first answers of a cold server take seconds, on a busy machine a minute."""

_BEFORE, _AFTER = caption_prompt("@").split("@")
_TEXT_TEMPLATE = Text(before=_BEFORE, after=_AFTER)
"""Random words in the captioning prompt. On most, base and adapter write 20 tokens or more."""


@dataclass(frozen=True)
class Load:
    """One load; `captions`: its requests carry pictures, else text.

    With a `rate_per_s` it is an open loop (Poisson), else a closed loop. A warm-up is longer than
    the slowest server's answers take, because the rate before is not that of the load.
    """

    name: str
    captions: bool
    in_flight: int
    warmup_s: float
    window_s: float
    streamed: bool = False
    rate_per_s: float | None = None
    pictures: int = PICTURES

    @property
    def seed(self) -> int:
        """The seed; each load has its own pictures and texts."""
        return zlib.crc32(self.name.encode()) % 100_000

    def requests(self, model: str) -> Requests:
        """Return the form of a request to `model`."""
        models = (ModelShare(name=model),)
        if self.captions:
            return Requests(
                pictures=Pictures(unique_share=1.0, max_unique=self.pictures),
                models=models,
                max_tokens=MAX_NEW_TOKENS,
                temperature=TEMPERATURE,
                stage_times=False,
                body={"top_p": TOP_P},
            )
        return Requests(
            endpoint="completions",
            text=_TEXT_TEMPLATE,
            models=models,
            streamed_share=float(self.streamed),
            max_tokens=TEXT_TOKENS,
            temperature=0.0,
            stage_times=False,
        )

    def scenario(self, model: str, *, share: float = 1.0) -> Scenario:
        """Return the load as a scenario for the client, with this share of its times."""
        return Scenario(
            name=self.name,
            requests=self.requests(model),
            load=(
                Closed(concurrency=self.in_flight)
                if self.rate_per_s is None
                else Poisson(rate_per_s=self.rate_per_s)
            ),
            seed=self.seed,
            warmup_s=share * self.warmup_s,
            duration_s=share * self.window_s,
            timeout_s=TIMEOUT_S,
        )

    def first_requests(self, model: str) -> Scenario:
        """Return the scenario of a few requests to a freshly started server."""
        return Scenario(
            name=self.name,
            requests=self.requests(model),
            load=Closed(concurrency=min(self.in_flight, WARMUP_REQUESTS)),
            seed=self.seed + 1,
            warmup_s=0.0,
            duration_s=WARMUP_TIMEOUT_S,
            timeout_s=WARMUP_TIMEOUT_S,
            max_requests=WARMUP_REQUESTS if self.in_flight > 1 else 2,
        )


CAPTIONS_64 = Load("captions-64", captions=True, in_flight=64, warmup_s=6.0, window_s=8.0)
CAPTIONS_1 = Load(
    "captions-1", captions=True, in_flight=1, warmup_s=1.0, window_s=5.0, pictures=500
)
CAPTIONS_REPEATED = Load(
    "captions-64-of-100-pictures",
    captions=True,
    in_flight=64,
    warmup_s=3.0,
    window_s=5.0,
    pictures=REPEATED_PICTURES,
)
CAPTIONS_OPEN = Load(
    "captions-open",
    captions=True,
    in_flight=4,
    warmup_s=1.0,
    window_s=6.0,
    rate_per_s=OPEN_CAPTIONS_PER_S,
    pictures=500,
)
TEXT_OPEN = Load(
    "text-open-streamed",
    captions=False,
    in_flight=4,
    warmup_s=1.0,
    window_s=5.0,
    streamed=True,
    rate_per_s=OPEN_TEXTS_PER_S,
)
TEXT_WHOLE = Load("text-64-whole", captions=False, in_flight=64, warmup_s=2.0, window_s=5.0)
TEXT_STREAMED = Load(
    "text-64-streamed", captions=False, in_flight=64, warmup_s=2.0, window_s=5.0, streamed=True
)
