"""Spans of gateway, describer and captioner, sent to an OpenTelemetry collector where one is set.

A request's context travels from stage to stage as `traceparent` (https://www.w3.org/TR/trace-context/),
in the records, not in context variables. Where no collector is set nothing of OpenTelemetry is
imported. Attributes are numbers and names of ours, never content.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, Protocol

from caption_studio.settings import TracingSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

Service = Literal["gateway", "describer", "captioner"]
Attributes = Mapping[str, str | bool | int | float]

PREFIX = "caption_studio."


class Span(Protocol):
    """A running span. `traceparent` is for its children, `trace_id` for log lines."""

    traceparent: str | None
    trace_id: str | None

    def set(self, attributes: Attributes) -> None:
        """Add attributes, each under `PREFIX` unless its name has a dot."""
        ...

    def fail(self, reason: str) -> None:
        """Mark it as failed; `reason` is an error's code or class."""
        ...


class Tracing:
    """Makes no spans, because no collector is set."""

    @contextmanager
    def span(self, name: str, traceparent: str | None) -> Generator[Span]:
        """Give a span, ended with the block. `traceparent` is its parent's, None begins a trace.

        An exception marks the span as failed and propagates.
        """
        yield _NONE

    def close(self) -> None:
        """Send the spans not sent yet. Blocking."""


def make(settings: TracingSettings, service: Service) -> Tracing:
    """Return the `Tracing` of one process."""
    if settings.otlp_endpoint is None:
        return Tracing()
    # Here and not above: where no collector is set, none of this is needed.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return ExportedTracing(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint)), service
    )


class ExportedTracing(Tracing):
    """Hands each span to `processor` when it ends.

    The caller's `traceparent` decides whether a request is traced. Requests without one are all
    traced, unless OTEL_TRACES_SAMPLER says otherwise.
    """

    def __init__(self, processor: "SpanProcessor", service: Service) -> None:
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        resource = Resource.create({SERVICE_NAME: f"caption-studio-{service}"})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("caption_studio")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, traceparent: str | None) -> Generator[Span]:
        """See `Tracing.span`."""
        from opentelemetry.context import Context
        from opentelemetry.trace import set_span_in_context

        carrier = {} if traceparent is None else {"traceparent": traceparent}
        # An empty context: the ambient one is not ours.
        otel = self._tracer.start_span(name, self._propagator.extract(carrier, Context()))
        sent: dict[str, str] = {}
        self._propagator.inject(sent, set_span_in_context(otel, Context()))
        span = _Exported(otel, sent.get("traceparent"))
        try:
            yield span
        except BaseException as error:
            span.fail(type(error).__name__)
            raise
        finally:
            otel.end()

    def close(self) -> None:
        """See `Tracing.close`."""
        self._provider.shutdown()


class _Exported:
    def __init__(self, otel: Any, traceparent: str | None) -> None:
        self._otel = otel
        self.traceparent = traceparent
        self.trace_id = None if traceparent is None else traceparent.split("-")[1]

    def set(self, attributes: Attributes) -> None:
        named = {name if "." in name else PREFIX + name: attributes[name] for name in attributes}
        self._otel.set_attributes(named)

    def fail(self, reason: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._otel.set_status(Status(StatusCode.ERROR))
        self._otel.set_attribute("error.type", reason)


class _NoSpan:
    traceparent: str | None = None
    trace_id: str | None = None

    def set(self, attributes: Attributes) -> None:
        pass

    def fail(self, reason: str) -> None:
        pass


_NONE = _NoSpan()
