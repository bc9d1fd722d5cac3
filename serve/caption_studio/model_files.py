"""The hub repositories in the settings → their files in the hub's cache; a folder to load from.

Nothing else asks the hub for a model, so if the hub refuses, a start ends with one sentence after
few requests. A repository's code is not fetched, and its weights only in one form. Blocking; the
hub's library shows a progress bar for each file.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from caption_studio.settings import EMBEDDED_PREFIX, Settings, model_location

NO_WEIGHTS = ("*.json", "*.txt", "*.model", "*.md", "LICENSE*")
SAFETENSORS, BIN = "*.safetensors", "*.bin"

_HINTS = {
    401: " Set HF_TOKEN to a token that it knows.",
    403: " Set HF_TOKEN to a token that may read it.",
    404: " Is it spelt so on the hub?",
    429: " It was asked too often: wait, or set HF_TOKEN.",
}


class PullFailed(Exception):
    """The files could not be fetched; the message says why, and of which repository."""


@dataclass(frozen=True)
class Repository:
    """A repository on the hub; `revision` None is its newest commit."""

    id: str
    revision: str | None


@dataclass(frozen=True)
class Pulled:
    """A fetched repository, now in the cache."""

    repository: Repository
    commit: str
    files: int
    size_bytes: int
    seconds: float


@dataclass(frozen=True)
class HubPlace:
    """Where the hub is and where its files are kept, by its own variables (`HF_ENDPOINT`, …)."""

    address: str
    cache: Path
    is_offline: bool


def hub_place() -> HubPlace:
    """Return where models are fetched from, and where to."""
    return HubPlace(
        constants.ENDPOINT, Path(constants.HF_HUB_CACHE), bool(constants.HF_HUB_OFFLINE)
    )


def repositories(settings: Settings) -> Iterator[Repository]:
    """Yield the hub repositories that the settings name, each once."""
    vision, language = settings.vision, settings.language
    named = [(vision.model, vision.revision), (language.model, language.revision)]
    named += [(adapter.source, adapter.revision) for adapter in language.adapters]
    for id_, revision in dict.fromkeys(named):
        if not id_.startswith(EMBEDDED_PREFIX) and "://" not in id_ and not Path(id_).is_dir():
            yield Repository(id_, revision)


def model_folder(source: str, revision: str | None) -> str:
    """Return the folder of a model from the settings; a hub model is fetched first.

    Without the hub, a complete copy in the cache is used. Raises `PullFailed`.
    """
    location = model_location(source)
    return location if Path(location).is_dir() else str(_fetch(Repository(source, revision)))


def pull(repository: Repository) -> Pulled:
    """Fetch a repository's files. Raises `PullFailed`."""
    begin_s = time.monotonic()
    folder = _fetch(repository)
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    return Pulled(repository, folder.name, len(files), size, time.monotonic() - begin_s)


def _fetch(repository: Repository) -> Path:
    """Return the cache's folder of the repository, named for the commit."""
    id_, revision = repository.id, repository.revision
    try:
        folder = _snapshot(repository, SAFETENSORS)
        return folder if any(folder.rglob(SAFETENSORS)) else _snapshot(repository, BIN)
    except GatedRepoError as error:
        raise PullFailed(f"{id_} asks for a consent: visit its page, then set HF_TOKEN.") from error
    except HFValidationError as error:
        raise PullFailed(
            f"{id_} is no folder on this machine, and no name on the hub has this form."
        ) from error
    except RevisionNotFoundError as error:
        raise PullFailed(f"{id_} has no revision {revision}.") from error
    except RepositoryNotFoundError as error:
        raise PullFailed(f"{id_} is not on the hub, or not shown to this HF_TOKEN.") from error
    except Exception as error:  # from the hub, its HTTP client, the disk, an invalid name
        # When refused, the library looks into the cache; the hub's error is then the cause.
        said = error.__cause__ if isinstance(error, LocalEntryNotFoundError) else error
        raise PullFailed(_why(id_, said or error)) from error


def _snapshot(repository: Repository, weights: str) -> Path:
    # By the revision's name in the settings: the cache records which commit it meant.
    return Path(
        snapshot_download(
            repository.id, revision=repository.revision, allow_patterns=[*NO_WEIGHTS, weights]
        )
    )


def _why(id_: str, error: BaseException) -> str:
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        status = error.response.status_code
        return f"{id_}: the hub answered {status}.{_HINTS.get(status, '')}"
    return f"{id_} could not be fetched: {error}".splitlines()[0]
