"""A service of its own, told of a collector: one trace from three processes."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.ports import free_port
from tests.conftest import COMMAND, START_TIMEOUT_S, STOP_TIMEOUT_S
from tests.contract.hostile import CHAT, chat, data_url
from tests.pictures import held_out

pytestmark = pytest.mark.service

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
EXPORT_S = 20.0
"""The exporter sends every five seconds."""


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP; `spans` are (service, name, trace, parent)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Exports)
        self.spans: list[tuple[str, str, str, str]] = []
        self.bodies = b""

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


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


@pytest.fixture
def traced_url(collector: Collector, tmp_path: Path) -> Iterator[str]:
    """Start the demo with the collector's address in its environment."""
    port, log = free_port(), tmp_path / "log"
    endpoint = f"http://127.0.0.1:{collector.server_port}/v1/traces"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [COMMAND, "serve", "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "CAPTION_STUDIO_TRACING__OTLP_ENDPOINT": endpoint},
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while "Listening on" not in log.read_text(errors="replace"):
            assert process.poll() is None, log.read_text(errors="replace")[-5000:]
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_TIMEOUT_S)


def test_a_request_is_one_trace_of_its_caller_in_all_three_processes(
    traced_url: str, collector: Collector
) -> None:
    picture = next(held_out(1))
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    for stream in (False, True):
        body = {**chat(data_url(picture.encoded())), "stream": stream}
        answer = httpx.post(f"{traced_url}{CHAT}", json=body, headers=headers, timeout=60)
        assert answer.status_code == 200
    deadline = time.monotonic() + EXPORT_S
    while len(collector.spans) < 6 and time.monotonic() < deadline:
        time.sleep(0.1)
    ours = sorted((service, name, trace) for service, name, trace, _ in collector.spans)
    assert (
        ours
        == [
            (f"caption-studio-{service}", name, TRACE)
            for service, name in (("captioner", "caption"), ("describer", "describe"))
            for _ in range(2)
        ]
        + [("caption-studio-gateway", "POST", TRACE)] * 2
    )
    assert [span[3] for span in collector.spans if span[1] == "POST"] == [CALLER] * 2
    assert picture.scene.description.encode() not in collector.bodies
