"""Every metric of the gateway in one place, named by Prometheus conventions."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from caption_studio.records import CacheResult, StageTimes

STAGE_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that machines poll."""

TEXT_STAGES = frozenset({"first_delta", "generate"})
"""What a request without a picture goes through."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """One gateway replica's metrics, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "caption_studio_requests_total",
            "Requests answered, by route, method and status.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._requests_in_flight = Gauge(
            "caption_studio_requests_in_flight",
            "Requests being served now, probes not counted.",
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "caption_studio_request_duration_seconds",
            "From the request's first byte to the answer's last.",
            ("route",),
            buckets=STAGE_BUCKETS_S,
            registry=self.registry,
        )
        self._stage_seconds = Histogram(
            "caption_studio_stage_duration_seconds",
            "Time in a stage: fetch, decode, describe_queue, describe, describe_hop, first_delta, "
            "generate.",
            ("stage",),
            buckets=STAGE_BUCKETS_S,
            registry=self.registry,
        )
        self._tokens = Counter(
            "caption_studio_tokens_total",
            "Tokens of the language model, by model and kind (prompt, completion).",
            ("model", "kind"),
            registry=self.registry,
        )
        self._lookups = Counter(
            "caption_studio_description_cache_lookups_total",
            "Pictures by how their description was come by: hit, shared, miss, off.",
            ("result",),
            registry=self.registry,
        )
        self._errors = Counter(
            "caption_studio_errors_total",
            "Requests refused or failed, by error code.",
            ("code",),
            registry=self.registry,
        )

    @contextmanager
    def in_flight(self, path: str) -> Generator[None]:
        """Count the request as being served, unless it is a probe that would count itself."""
        if path in PROBES:
            yield
            return
        with self._requests_in_flight.track_inprogress():
            yield

    def answered(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(route, method, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def failed(self, code: str | None) -> None:
        """Count one error body, in a stream or as an answer."""
        self._errors.labels(code or "none").inc()

    def stages(self, times: StageTimes, *, has_picture: bool) -> None:
        """Observe where one request spent its time."""
        for name, seconds in asdict(times).items():
            stage = name.removesuffix("_s")
            if has_picture or stage in TEXT_STAGES:
                self._stage_seconds.labels(stage).observe(seconds)

    def descriptions(self, lookups: Iterable[CacheResult]) -> None:
        """Count how each picture's description was come by."""
        for result in lookups:
            self._lookups.labels(result).inc()

    def tokens(self, model: str, *, prompt: int, completion: int) -> None:
        """Count one answer's tokens."""
        self._tokens.labels(model, "prompt").inc(prompt)
        self._tokens.labels(model, "completion").inc(completion)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus text format."""
        return generate_latest(self.registry)
