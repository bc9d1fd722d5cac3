"""A Serve config file → its checked contents, and what follows from our settings in it."""

import re
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError
from ray.serve.config import AutoscalingConfig
from ray.serve.schema import DeploymentSchema, ServeDeploySchema

from caption_studio.gateway.exposure import check_exposure
from caption_studio.gateway.key_files import load_keyrings
from caption_studio.language.adapters.configured import ConfiguredAdapters
from caption_studio.settings import Settings
from caption_studio.voices.catalog import ConfiguredVoices
from caption_studio.voices.guards.guards import Guards

MAX_PORT = 65_535
ROUTE_PREFIX = re.compile(r"/|(?:/[^/\s?#{}]+)+")

OF_RAYS_CHECKS = (TypeError, AttributeError, ImportError, RecursionError)
"""What Ray's checks raise for values of a kind that they do not expect (ray/serve/schema.py, 2.60),
and YAML's reader for thousands of levels."""


class StartFailed(Exception):
    """The service could not start; the message says why."""


def load_settings(path: Path) -> list[Settings]:
    """Read a config file's settings, without looking at keys. Raises `StartFailed`."""
    return read(path)[1]


def load_config(path: Path, *, host: str | None, port: int | None) -> ServeDeploySchema:
    """Read and check a config file, our settings and keys included. Raises `StartFailed`."""
    config, settings = read(path)
    gateways = [one.gateway for one in settings]
    if host is not None:
        config.http_options.host = host
    if port is not None:
        config.http_options.port = port
    if not config.applications:
        raise StartFailed(f"{path} names no application.")
    if not 1 <= config.http_options.port <= MAX_PORT:
        raise StartFailed(f"{config.http_options.port} is no port: 1 to {MAX_PORT} are.")
    try:  # the gateways check this too, but only after half a minute
        for gateway in gateways:
            load_keyrings(gateway)
            check_exposure(config.http_options.host, gateway)
        for one in settings:
            ConfiguredVoices(one, ConfiguredAdapters(one.language))
            Guards(one.guards)
    except ValueError as error:
        raise StartFailed(str(error)) from error
    return config


def longest_request_s(config: ServeDeploySchema) -> float:
    """Return the longest time from a request's first byte to the last of its answer."""
    gateways = [Settings.load(application.args).gateway for application in config.applications]
    return max(gateway.upload_timeout_s + gateway.request_timeout_s for gateway in gateways)


def pages(config: ServeDeploySchema) -> list[str]:
    """Return the address of each application's page, as a browser on this machine reaches it."""
    host = config.http_options.host
    every = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # addresses to listen on
    name = every.get(host, host)
    name = f"[{name}]" if ":" in name else name
    return [
        f"http://{name}:{config.http_options.port}{(application.route_prefix or '').rstrip('/')}/"
        for application in config.applications
        if Settings.load(application.args).gateway.page
    ]


def read(path: Path) -> tuple[ServeDeploySchema, list[Settings]]:
    """Return the file, and the settings of each of its applications. Raises `StartFailed`."""
    try:
        config = _schema(path)
        for application in config.applications:
            _check_route(application.route_prefix)
            for deployment in application.deployments:
                _check_scaling(deployment)
        return config, [Settings.load(application.args) for application in config.applications]
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StartFailed(f"{path} is no valid configuration: {_mistakes(error)}") from error


def _schema(path: Path) -> ServeDeploySchema:
    try:
        return ServeDeploySchema.model_validate(yaml.safe_load(path.read_text()))
    except OF_RAYS_CHECKS as error:
        raise ValueError(f"a value is of another kind than Ray Serve expects ({error})") from error


def _check_route(prefix: str | None) -> None:
    """Raise `ValueError` for a route prefix that Serve would refuse, or never find, later."""
    if prefix is not None and not ROUTE_PREFIX.fullmatch(prefix):
        raise ValueError(
            f"route_prefix: {prefix!r} must begin with /, and have no further one at its end, "
            "no blanks and none of ?#{}"
        )


def _check_scaling(deployment: DeploymentSchema) -> None:
    """Raise `ValueError` for numbers of replicas that Serve would refuse after the start."""
    given = deployment.autoscaling_config
    if not isinstance(given, Mapping):
        return
    is_auto = deployment.num_replicas == "auto"
    base = AutoscalingConfig.default().model_dump(exclude_unset=True) if is_auto else {}
    try:
        AutoscalingConfig(**{**base, **given})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{deployment.name}.autoscaling_config: {_mistakes(error)}") from error


def _mistakes(error: Exception) -> str:
    """Return the mistakes, with the settings' names but not their values: one may be a key."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark  # its text would show lines of the file
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    mistakes = error.errors(include_input=False, include_url=False)
    return "; ".join(_mistake(one["loc"], one["msg"]) for one in mistakes)


def _mistake(place: tuple[int | str, ...], message: str) -> str:
    """Return one mistake; that of a whole object has no place."""
    said = message.removeprefix("Value error, ")
    return f"{'.'.join(map(str, place))}: {said}" if place else said
