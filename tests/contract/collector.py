"""A collector of OpenTelemetry's spans, which the shared service is told of."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP; `spans` are (service, name, trace, parent)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Exports)
        self.spans: list[tuple[str, str, str, str]] = []
        self.bodies = b""

    @property
    def url(self) -> str:
        """Return where it takes spans."""
        return f"http://127.0.0.1:{self.server_port}/v1/traces"

    def of(self, trace: str) -> list[tuple[str, str, str]]:
        """Return service, name and parent of each span of a trace."""
        return [(*span[:2], span[3]) for span in self.spans if span[2] == trace]

    def take(self, body: bytes) -> None:
        self.bodies += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            (service,) = [
                attribute.value.string_value
                for attribute in resource.resource.attributes
                if attribute.key == "service.name"
            ]
            for scope in resource.scope_spans:
                for span in scope.spans:
                    ids = (span.trace_id.hex(), span.parent_span_id.hex())
                    self.spans.append((service, span.name, *ids))


class _Exports(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        self.server.take(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def collecting() -> Iterator[Collector]:
    """Give a collector that runs for the length of the context."""
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            collector.shutdown()
            thread.join()
