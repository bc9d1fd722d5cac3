"""Every metric of the gateway in one place, named by Prometheus conventions.

Those of the stages: observability.stage_metrics.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import fields
from typing import Literal, TypeVar, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from caption_studio.observability.loop_watch import LoopWatch
from caption_studio.observability.process_metrics import add_process_metrics
from caption_studio.records import CacheResult, Description, KeyUsage, StageTimes

M = TypeVar("M", Counter, Histogram)

Stage = Literal["intake", "describer", "captioner"]

STAGE_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

PROBES = frozenset({"/healthz", "/health", "/readyz", "/metrics"})
"""Routes that machines poll."""

STAGES = tuple(field.name for field in fields(StageTimes))

TEXT_STAGES = ("first_delta_s", "generate_s")
"""The stages of a request without a picture."""

CONFIDENCE_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)

STREAM_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 60)

REJECTIONS = frozenset(
    {
        "adapter_unavailable",
        "forbidden_host",
        "forbidden_origin",
        "invalid_api_key",
        "not_ready",
        "overloaded",
        "rate_limit_exceeded",
    }
)
"""Error codes of requests that were rejected regardless of their content."""

CLIENT_GONE = "client_closed_request"
"""Error code for a client that went away while it sent its body; no client sees it."""

NO_MODEL = "none"
"""Label of requests whose model is unknown or was not read."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """One gateway replica's metrics, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._series: dict[str, set[tuple[Counter | Histogram, tuple[str, ...]]]] = {}
        self.loop_watch = LoopWatch()
        add_process_metrics(self.registry, self.loop_watch)
        self._requests = Counter(
            "caption_studio_requests_total",
            "Requests answered, by route, method, model (none: unknown or not read) and status.",
            ("route", "method", "model", "status"),
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
        self._first_token_seconds = Histogram(
            "caption_studio_time_to_first_token_seconds",
            "From a streamed request's first byte until its answer's first piece is there.",
            ("model",),
            buckets=STREAM_BUCKETS_S,
            registry=self.registry,
        )
        self._in_stage = Gauge(
            "caption_studio_stage_in_flight",
            "Calls of this gateway to a stage that have not ended, waiting ones too: intake "
            "(pictures), describer (pictures), captioner (prompts).",
            ("stage",),
            registry=self.registry,
        )
        self._stage_seconds = Histogram(
            "caption_studio_stage_duration_seconds",
            "Time in a stage: fetch, decode_queue, decode, describe_queue, describe, describe_hop, "
            "first_delta, generate.",
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
        self._confidence = Histogram(
            "caption_studio_description_confidence_ratio",
            "Pictures by the describer's confidence in their description.",
            buckets=CONFIDENCE_BUCKETS,
            registry=self.registry,
        )
        self._unfamiliar = Counter(
            "caption_studio_unfamiliar_pictures_total",
            "Pictures unlike those that the describer was trained on.",
            registry=self.registry,
        )
        self._errors = Counter(
            "caption_studio_errors_total",
            "Requests refused or failed, by error code.",
            ("code",),
            registry=self.registry,
        )
        self._rejected = Counter(
            "caption_studio_requests_rejected_total",
            "Requests turned away whatever was in them, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self._cancelled = Counter(
            "caption_studio_requests_cancelled_total",
            "Requests whose client went away before the answer's last byte.",
            ("route",),
            registry=self.registry,
        )
        self._key_requests = Counter(
            "caption_studio_key_requests_total",
            "Requests of an API key by result: served (let in), refused (429).",
            ("key", "result"),
            registry=self.registry,
        )
        self._key_pictures = Counter(
            "caption_studio_key_pictures_total",
            "Pictures captioned for an API key.",
            ("key",),
            registry=self.registry,
        )
        self._key_tokens = Counter(
            "caption_studio_key_tokens_total",
            "Tokens of the language model for an API key, by kind (prompt, completion).",
            ("key", "kind"),
            registry=self.registry,
        )
        self._ledger_reached = Gauge(
            "caption_studio_limits_shared",
            "1: limits are the cluster's. 0: this gateway spends an even part of each by itself.",
            registry=self.registry,
        )
        self._ledger_reached.set(True)
        self._key_files_refused = Gauge(
            "caption_studio_key_file_refused",
            "1 while a key file cannot be taken and its earlier keys stay in force, by the name of "
            "its setting.",
            ("setting",),
            registry=self.registry,
        )
        # Looked up once, not for each request.
        self._seconds_in = {
            name: self._stage_seconds.labels(name.removesuffix("_s")) for name in STAGES
        }
        self._calls_in = {name: self._in_stage.labels(name) for name in get_args(Stage)}
        # A counter that begins with its first event hides that event from rate().
        for reason in sorted(REJECTIONS):
            self._rejected.labels(reason)
        for setting in ("api_keys_file", "admin_keys_file"):
            self._key_files_refused.labels(setting)

    @contextmanager
    def in_flight(self, route: str) -> Generator[None]:
        """Count the request as in flight, unless it is a probe, which would count itself."""
        if route in PROBES:
            yield
            return
        with self._requests_in_flight.track_inprogress():
            yield

    @contextmanager
    def in_stage(self, stage: Stage) -> Generator[None]:
        """Count a call to a stage while it lasts."""
        calls = self._calls_in[stage]
        calls.inc()
        try:
            yield
        finally:
            calls.dec()

    def answered(
        self, *, route: str, method: str, model: str | None, status: int, seconds: float
    ) -> None:
        """Count one answered request."""
        if model is None:
            self._requests.labels(route, method, NO_MODEL, str(status)).inc()
        else:
            self._of(model, self._requests, route, method, model, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def failed(self, code: str | None) -> None:
        """Count one error body, in a stream or as an answer."""
        self._errors.labels(code or "none").inc()
        if code in REJECTIONS:
            self._rejected.labels(code).inc()

    def key_file_refused(self, setting: str, value: Literal[0, 1]) -> None:
        """Record whether a key file is refused (1) or not (0)."""
        self._key_files_refused.labels(setting).set(value)

    def cancelled(self, route: str) -> None:
        """Count a request whose client went away."""
        self._cancelled.labels(route).inc()

    def first_token(self, model: str, seconds: float) -> None:
        """Observe how long a stream's reader waited for its first piece."""
        self._of(model, self._first_token_seconds, model).observe(seconds)

    def stages(self, times: StageTimes, *, has_picture: bool) -> None:
        """Observe where one request spent its time."""
        for name in STAGES if has_picture else TEXT_STAGES:
            self._seconds_in[name].observe(getattr(times, name))

    def descriptions(self, lookups: Iterable[CacheResult]) -> None:
        """Count how each picture's description was obtained."""
        for result in lookups:
            self._lookups.labels(result).inc()

    def described(self, description: Description) -> None:
        """Observe how sure the describer is of one picture, and whether it is familiar."""
        if description.confidence is not None:
            self._confidence.observe(description.confidence)
        if description.familiar is False:
            self._unfamiliar.inc()

    def tokens(self, model: str, *, prompt: int, completion: int) -> None:
        """Count one answer's tokens."""
        self._of(model, self._tokens, model, "prompt").inc(prompt)
        self._of(model, self._tokens, model, "completion").inc(completion)

    def drop_models(self, is_known: Callable[[str], bool]) -> None:
        """Drop the series of models that are no longer known, so that they do not accumulate."""
        for model in [model for model in self._series if not is_known(model)]:
            for metric, labels in self._series.pop(model):
                metric.remove(*labels)

    def key_used(self, key: str, usage: KeyUsage) -> None:
        """Count one request of an API key, by its name or fingerprint."""
        self._key_requests.labels(key, "served").inc(usage.requests)
        self._key_requests.labels(key, "refused").inc(usage.refused)
        self._key_pictures.labels(key).inc(usage.pictures)
        self._key_tokens.labels(key, "prompt").inc(usage.prompt_tokens)
        self._key_tokens.labels(key, "completion").inc(usage.completion_tokens)

    def ledger_reached(self, reached: bool) -> None:
        """Record whether the ledger of limits was reached the last time."""
        self._ledger_reached.set(reached)

    def _of(self, model: str, metric: M, *labels: str) -> M:
        """Return a series of a model, and remember that it is the model's."""
        self._series.setdefault(model, set()).add((metric, labels))
        return metric.labels(*labels)
