"""A Serve config file → its checked contents, and what follows from our settings in it."""

from pathlib import Path

import yaml
from pydantic import ValidationError
from ray.serve.schema import ServeDeploySchema

from caption_studio.gateway.exposure import check_exposure
from caption_studio.gateway.key_files import load_keyrings
from caption_studio.language.adapters.configured import ConfiguredAdapters
from caption_studio.settings import Settings
from caption_studio.voices.catalog import ConfiguredVoices
from caption_studio.voices.guards.guards import Guards


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
        config = ServeDeploySchema.model_validate(yaml.safe_load(path.read_text()))
        for application in config.applications:
            if not (application.route_prefix or "/").startswith("/"):  # Serve finds it too late
                raise ValueError(f"route_prefix: {application.route_prefix!r} must begin with /")
        return config, [Settings.load(application.args) for application in config.applications]
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StartFailed(f"{path} is no valid configuration: {_mistakes(error)}") from error


def _mistakes(error: Exception) -> str:
    """Return the mistakes, with the settings' names but not their values: one may be a key."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg'].removeprefix('Value error, ')}"
        for mistake in error.errors(include_input=False, include_url=False)
    )
