"""The metrics of the gateway, named by Prometheus conventions.

Those of API keys: observability.key_metrics. Those of the stages: observability.stage_metrics.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from typing import Literal, TypeVar, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from caption_studio.observability.key_metrics import KeyMetrics
from caption_studio.observability.loop_watch import LoopWatch
from caption_studio.observability.process_metrics import add_process_metrics
from caption_studio.observability.waits import Waits
from caption_studio.observability.work import Work, asked, done, wait_p95
from caption_studio.records import CacheResult, Description, Marks, RequestClass, StageTimes

M = TypeVar("M", Counter, Histogram)

ModelStage = Literal["describer", "captioner"]
Stage = Literal["intake", ModelStage]

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
        self.work = Work()
        add_process_metrics(self.registry, self.loop_watch)
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        self._requests = counter(
            "caption_studio_requests_total",
            "Requests answered, by route, method, model (none: unknown or not read) and status.",
            ("route", "method", "model", "status"),
        )
        self._requests_in_flight = gauge(
            "caption_studio_requests_in_flight", "Requests being served now, probes not counted."
        )
        self._request_seconds = histogram(
            "caption_studio_request_duration_seconds",
            "From the request's first byte to the answer's last.",
            ("route", "class"),
            buckets=STAGE_BUCKETS_S,
        )
        self._first_token_seconds = histogram(
            "caption_studio_time_to_first_token_seconds",
            "From a streamed request's first byte until its answer's first piece is there.",
            ("model",),
            buckets=STREAM_BUCKETS_S,
        )
        self._in_stage = gauge(
            "caption_studio_stage_in_flight",
            "Calls of this gateway to a stage that have not ended, waiting ones too: intake "
            "(pictures), describer (pictures), captioner (prompts).",
            ("stage",),
        )
        self._stage_seconds = histogram(
            "caption_studio_stage_duration_seconds",
            "Time in a stage: fetch, decode_queue, decode, describe_queue, describe, describe_hop, "
            "first_delta, generate.",
            ("stage",),
            buckets=STAGE_BUCKETS_S,
        )
        self._tokens = counter(
            "caption_studio_tokens_total",
            "Tokens of the language model, by model and kind (prompt, completion).",
            ("model", "kind"),
        )
        self._lookups = counter(
            "caption_studio_description_cache_lookups_total",
            "Pictures by how their description was come by: hit, shared, miss, off.",
            ("result",),
        )
        self._confidence = Histogram(
            "caption_studio_description_confidence_ratio",
            "Pictures by the describer's confidence in their description.",
            buckets=CONFIDENCE_BUCKETS,
            registry=self.registry,
        )
        self._unfamiliar = counter(
            "caption_studio_unfamiliar_pictures_total",
            "Pictures unlike those that the describer was trained on.",
            (),
        )
        self._errors = counter(
            "caption_studio_errors_total", "Requests refused or failed, by error code.", ("code",)
        )
        self._rejected = counter(
            "caption_studio_requests_rejected_total",
            "Requests turned away whatever was in them, by reason.",
            ("reason",),
        )
        self._cancelled = counter(
            "caption_studio_requests_cancelled_total",
            "Requests whose client went away before the answer's last byte.",
            ("route",),
        )
        self._controls = Counter(
            "caption_studio_controls_total",
            "Controls of captions, by name and whether the caption held to it (true, false).",
            ("control", "held"),
            registry=self.registry,
        )
        self._flagged = Counter(
            "caption_studio_captions_flagged_total",
            "Captions that a guard flagged, or whose picture it did, by model.",
            ("model",),
            registry=self.registry,
        )
        self._unfaithful = Counter(
            "caption_studio_captions_unfaithful_total",
            "Captions that contradict the description and were shown, by model.",
            ("model",),
            registry=self.registry,
        )
        self._aliased = Counter(
            "caption_studio_alias_requests_total",
            "Requests that named an alias, by alias and the model that was to answer.",
            ("alias", "model"),
            registry=self.registry,
        )
        self.keys = KeyMetrics(self.registry)
        # Looked up once, not for each request.
        self._seconds_in = {
            name: self._stage_seconds.labels(name.removesuffix("_s")) for name in STAGES
        }
        self._calls_in = {name: self._in_stage.labels(name) for name in get_args(Stage)}
        self._waits = {name: Waits() for name in get_args(ModelStage)}
        for name, waits in self._waits.items():
            self.work.watch(wait_p95(name), waits.p95_s)
        # A counter that begins with its first event hides that event from rate().
        for reason in sorted(REJECTIONS):
            self._rejected.labels(reason)

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
        self.work.count(asked(stage))
        try:
            yield
        finally:
            calls.dec()
            self.work.count(done(stage))

    def wait(self, stage: ModelStage, request_class: RequestClass) -> Callable[[], None]:
        """Begin a caller's wait for a stage; return what ends it, of which the first call counts.

        Nobody waits for a call of class `batch`.
        """
        return self._waits[stage].begin() if request_class == "online" else _nobody_waits

    def answered(self, *, route: str, method: str, model: str | None, status: int) -> None:
        """Count one answered request."""
        if model is None:
            self._requests.labels(route, method, NO_MODEL, str(status)).inc()
        else:
            self._of(model, self._requests, route, method, model, str(status)).inc()

    def took(self, route: str, request_class: RequestClass, seconds: float) -> None:
        """Observe how long one request took."""
        self._request_seconds.labels(route, request_class).observe(seconds)

    def failed(self, code: str | None) -> None:
        """Count one error body, in a stream or as an answer."""
        self._errors.labels(code or "none").inc()
        if code in REJECTIONS:
            self._rejected.labels(code).inc()

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

    def marks(self, model: str, marks: Marks) -> None:
        """Count what was checked of one caption."""
        for control, held in marks.held.items():
            self._controls.labels(control, str(held).lower()).inc()
        if marks.flagged:
            self._of(model, self._flagged, model).inc()
        if marks.faithful is False:
            self._of(model, self._unfaithful, model).inc()

    def aliased(self, alias: str, model: str) -> None:
        """Count a request that named an alias. The series goes with either of both."""
        self._of(alias, self._aliased, alias, model)
        self._of(model, self._aliased, alias, model).inc()

    def drop_models(self, is_known: Callable[[str], bool]) -> None:
        """Drop the series of models and aliases that are gone, so that they do not accumulate."""
        for model in [model for model in self._series if not is_known(model)]:
            for metric, labels in self._series.pop(model):
                metric.remove(*labels)

    def _of(self, model: str, metric: M, *labels: str) -> M:
        """Return a series of a model, and remember that it is the model's."""
        self._series.setdefault(model, set()).add((metric, labels))
        return metric.labels(*labels)


def _nobody_waits() -> None:
    return None
