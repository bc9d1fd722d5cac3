"""The service's settings: the Serve config's, and those that the pods' environment changes."""

import os
from collections.abc import Iterator
from unittest import mock

from caption_studio.settings import Settings
from tests.k8s.rendered import Object, Rule, containers, pods, serve_config


def devices_are_there(objects: list[Object]) -> Iterator[str]:
    for application in serve_config(objects)["applications"]:
        try:
            settings = Settings.load(application.get("args"))
        except ValueError as error:
            yield f"settings: {error}"
            continue
        options = {d["name"]: d.get("ray_actor_options", {}) for d in application["deployments"]}
        gpu = bool(options.get("Describer", {}).get("num_gpus"))
        if gpu != (settings.vision.device == "cuda"):
            yield f"Describer: runs on {settings.vision.device}, with a GPU: {gpu}"


def settings_hold_in_the_pods(objects: list[Object]) -> Iterator[str]:
    for application in serve_config(objects)["applications"]:
        for name, pod in pods(objects).items():
            try:
                settings_in(pod, application)
            except ValueError as error:
                yield f"{name}: {error}"


def settings_in(pod: Object, application: Object) -> Settings:
    """Return the settings as a process in the pod reads them."""
    variables = {
        variable["name"]: variable["value"]
        for container in containers(pod)
        for variable in container.get("env", [])
        if variable["name"].startswith("CAPTION_STUDIO_")
    }
    with mock.patch.dict(os.environ, variables):
        return Settings.load(application.get("args"))


RULES: tuple[Rule, ...] = (devices_are_there, settings_hold_in_the_pods)
