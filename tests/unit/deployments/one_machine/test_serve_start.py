"""Serve whose proxy does not answer in time is started anew."""

import pytest
from ray import serve
from ray.serve.schema import ServeDeploySchema

from caption_studio.deployments.one_machine import serve_start
from caption_studio.deployments.one_machine.config_file import StartFailed

SLOW = "HTTP proxies not available after 60s."


class Cluster:
    """A cluster on which Serve's first starts fail."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.running = 0

    def start(self, **_: object) -> str:
        self.running += 1
        if self.failures:
            self.failures -= 1
            raise TimeoutError(SLOW)
        return "client"

    def shutdown(self) -> None:
        self.running = 0


def start(monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> object:
    monkeypatch.setattr(serve_start, "serve_start", cluster.start)
    monkeypatch.setattr(serve, "shutdown", cluster.shutdown)
    return serve_start.start_serve(ServeDeploySchema(applications=[]))


def test_a_start_without_a_proxy_is_tried_again_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster(failures=2)
    assert start(monkeypatch, cluster) == "client"
    assert cluster.running == 1
    assert capsys.readouterr().out.count(SLOW) == 2


def test_after_three_tries_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(failures=3)
    with pytest.raises(StartFailed, match=f"3 tries. {SLOW}"):
        start(monkeypatch, cluster)
    assert cluster.running == 0
