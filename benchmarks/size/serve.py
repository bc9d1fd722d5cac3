"""Serve with HAProxy as the service starts it, over `benchmarks.size.application`."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray import serve
from ray.serve.schema import ApplicationStatus, ServeDeploySchema

from benchmarks.ports import free_port
from caption_studio.deployments.one_machine.belongings import Belongings
from caption_studio.deployments.one_machine.environment import serve_environment
from caption_studio.deployments.one_machine.ray_start import start_ray
from caption_studio.deployments.one_machine.serve_start import start_serve

NAME = "size"
LONGEST_S = 60.0
START_TIMEOUT_S = 600.0
POLL_S = 0.2


class Running:
    """Serve at the address `url`; `resize` gives it its replicas."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._client = start_serve(self._config(replicas=2, change=0))
        self._replicas = 2

    def resize(self, replicas: int) -> float:
        """Have so many replicas, half of them gateways; return the seconds until they run."""
        self._replicas = replicas
        return self._deploy(change=0)

    def change(self, number: int) -> float:
        """Change a setting of the stage; return the seconds until every replica has it."""
        return self._deploy(change=number)

    def loop_s(self) -> dict[str, float]:
        """Return the mean and longest of the controller's last hundred control loops."""
        controller = serve.context._global_client._controller
        stats = ray.get(controller.get_health_metrics.remote())["loop_duration_s"]
        return {name: float(stats[name]) for name in ("mean", "max")}

    def status_s(self) -> float:
        """Return the seconds of one question for the application's status."""
        begun_s = time.monotonic()
        serve.status()
        return time.monotonic() - begun_s

    def _deploy(self, *, change: int) -> float:
        begun_s = time.monotonic()
        self._client.deploy_apps(self._config(replicas=self._replicas, change=change))
        while not self._is_there():
            if time.monotonic() - begun_s > START_TIMEOUT_S:
                raise RuntimeError(f"no {self._replicas} replicas in time: {serve.status()}")
            time.sleep(POLL_S)
        return time.monotonic() - begun_s

    def _is_there(self) -> bool:
        application = serve.status().applications.get(NAME)
        if application is None or application.status != ApplicationStatus.RUNNING:
            return False
        states = [deployment.replica_states for deployment in application.deployments.values()]
        return bool(sum(state.get("RUNNING", 0) for state in states) == self._replicas)

    def _config(self, *, replicas: int, change: int) -> ServeDeploySchema:
        """Return a config whose replicas report their load, as those of deploy/cluster.yaml do."""

        def deployment(name: str, **more: Any) -> dict[str, Any]:
            most = {"min_replicas": replicas // 2, "max_replicas": replicas // 2}
            options = {"num_cpus": 0}
            return {"name": name, "autoscaling_config": most, "ray_actor_options": options, **more}

        return ServeDeploySchema.model_validate(
            {
                "proxy_location": "HeadOnly",
                "http_options": {"host": "127.0.0.1", "port": self._port},
                "logging_config": {"log_level": "WARNING", "enable_access_log": False},
                "applications": [
                    {
                        "name": NAME,
                        "route_prefix": "/",
                        "import_path": "benchmarks.size.application:build",
                        "deployments": [
                            deployment("Gateway"),
                            deployment("Stage", user_config={"change": change}),
                        ],
                    }
                ],
            }
        )


@contextmanager
def running() -> Iterator[Running]:
    """Start Ray and Serve, without replicas yet; end both."""
    belongings = Belongings()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.update(serve_environment(belongings.folder, longest_request_s=LONGEST_S))
    try:
        start_ray(belongings, logs=False)
        yield Running(free_port())
    finally:
        if ray.is_initialized():
            serve.shutdown()
            ray.shutdown()
        belongings.remove()
