"""`caption-studio batch INPUT OUTPUT`: its arguments → a job, and the flow on Ray that does it."""

import argparse
import asyncio
import os
import sys
from collections.abc import Generator, Sequence
from importlib.util import find_spec
from pathlib import Path

from ray.serve.schema import ServeApplicationSchema

from caption_studio.client.tables import TableFailed
from caption_studio.deployments.one_machine.config_file import StartFailed, read
from caption_studio.deployments.one_machine.libraries import check_libraries
from caption_studio.errors import CaptionStudioError
from caption_studio.language.adapters.configured import ConfiguredAdapters
from caption_studio.offline.inputs import pictures_in
from caption_studio.offline.messages import Asked, Done
from caption_studio.offline.restarts import restarting
from caption_studio.offline.run import MISUSED, Job, run
from caption_studio.offline.sidecars import SUFFIXES, files_beside
from caption_studio.offline.spent import Spent
from caption_studio.settings import Settings
from caption_studio.voices.catalog import ConfiguredVoices

RAY_DATA_NEEDS = ("pandas", "pyarrow")


def batch(arguments: argparse.Namespace) -> int:
    """Caption the pictures of INPUT into the table OUTPUT; return the command's status."""
    try:
        _check_installed()
        if arguments.address is None:  # else other machines run the models
            check_libraries()
        application, settings = _application(arguments.config)
        models = asyncio.run(_models(arguments.model, settings))
        pictures = pictures_in(arguments.input, column=arguments.picture_column, models=models)
        _check_apart(arguments.input, arguments.output, pictures)
    except (StartFailed, CaptionStudioError, TableFailed, ValueError) as error:
        print(f"caption-studio: {error}", file=sys.stderr)
        return MISUSED

    spent = Spent(arguments.price_per_hour)

    def flow(lacking: Sequence[Asked]) -> Generator[Done]:
        return _on_ray(lacking, application, settings, models, arguments.address, spent)

    job = Job(
        pictures, arguments.output, arguments.resume, arguments.overwrite, arguments.max_errors
    )
    return run(job, restarting(flow), spent)


def _check_apart(source: str, output: Path, pictures: Sequence[Asked]) -> None:
    """Raise `ValueError` if what is read would be written over, `TableFailed` as `Sidecars`."""
    written = [output]
    if str(output) in SUFFIXES:
        written = list(files_beside(str(output), pictures).values())
    read = {_place(one.address) for one in pictures} | {_place(source)}
    for file in written:
        if _place(file) in read:
            raise ValueError(f"{file} is read by this run: name another OUTPUT")


def _place(file: str | Path) -> str:
    """Return where a name leads to, through links; one with a NUL, which no file has, as it is."""
    try:
        return os.path.realpath(file)
    except ValueError:
        return str(file)


def _check_installed() -> None:
    """Raise `ValueError` if Ray Data cannot be imported."""
    if not all(map(find_spec, RAY_DATA_NEEDS)):
        raise ValueError("batch needs Ray Data: install caption-studio with its extra `batch`")


def _application(path: Path) -> tuple[ServeApplicationSchema, Settings]:
    """Return a config file's first application, and its settings. Raises `StartFailed`."""
    config, settings = read(path)
    if not config.applications:
        raise StartFailed(f"{path} names no application.")
    return config.applications[0], settings[0]


async def _models(named: Sequence[str] | None, settings: Settings) -> tuple[str, ...]:
    """Return the models that write, each once. Raises `ModelNotFound`, `ValueError`."""
    voices = ConfiguredVoices(settings, ConfiguredAdapters(settings.language))
    wanted = dict.fromkeys(named or [settings.default_caption_model])
    for model in wanted:
        await voices.resolve(model)
    return tuple(wanted)


def _on_ray(
    lacking: Sequence[Asked],
    application: ServeApplicationSchema,
    settings: Settings,
    models: Sequence[str],
    address: str | None,
    spent: Spent,
) -> Generator[Done]:
    """Start Ray or join a cluster, and yield the pictures as they are done. Raises `Unfinished`."""
    # Ray Data takes seconds to import, and a misuse is told before.
    from caption_studio.offline.cluster import connected, ends_told
    from caption_studio.offline.flow import flow, stages
    from caption_studio.offline.plan import plan
    from caption_studio.offline.stopping import listen

    with ends_told(), connected(address) as has:
        listen()
        spent.run_on(has)
        pools = plan(application, settings, has, models=len(models))
        yield from flow(lacking, pools, stages(settings, models, pools), settings.logging)
