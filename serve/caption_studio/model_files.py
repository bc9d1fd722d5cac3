"""Settings → their models' and adapters' files in the hub's cache, before a service starts.

Afterwards the service starts with `HF_HUB_OFFLINE=1`. Blocking; the hub's library shows a progress
bar for each file.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from caption_studio.settings import EMBEDDED_PREFIX, Settings

NO_WEIGHTS = ("*.json", "*.txt", "*.model", "*.md", "LICENSE*")
SAFETENSORS, BIN = "*.safetensors", "*.bin"

_HINTS = {
    401: " Set HF_TOKEN to a token that it knows.",
    403: " Set HF_TOKEN to a token that may read it.",
    404: " Is it spelt so on the hub?",
    429: " It was asked too often: wait, or set HF_TOKEN.",
}


class PullFailed(Exception):
    """The files could not be fetched; the message says why, and of what."""


@dataclass(frozen=True)
class Repository:
    """A repository on the hub; `revision` None is its newest commit."""

    id: str
    revision: str | None


@dataclass(frozen=True)
class Pulled:
    """What is now in the cache."""

    repository: Repository
    commit: str
    files: int
    size_bytes: int
    seconds: float


def repositories(settings: Settings) -> Iterator[Repository]:
    """Yield what the settings name on the hub, each once."""
    vision, language = settings.vision, settings.language
    named = [(vision.model, vision.revision), (language.model, language.revision)]
    named += [(adapter.source, adapter.revision) for adapter in language.adapters]
    for id_, revision in dict.fromkeys(named):
        if not id_.startswith(EMBEDDED_PREFIX) and "://" not in id_ and not Path(id_).is_dir():
            yield Repository(id_, revision)


def pull(repository: Repository) -> Pulled:
    """Fetch a repository's files: no code, and of its weights one form. Raises `PullFailed`."""
    begin_s = time.monotonic()
    id_, revision = repository.id, repository.revision
    try:
        info = HfApi().model_info(id_, revision=revision)
        names = [file.rfilename for file in info.siblings or ()]
        weights = SAFETENSORS if any(n.endswith(SAFETENSORS[1:]) for n in names) else BIN
        # By the name that the service will ask for: the cache keeps which commit it meant.
        folder = snapshot_download(id_, revision=revision, allow_patterns=[*NO_WEIGHTS, weights])
    except GatedRepoError as error:
        raise PullFailed(f"{id_} asks for a consent: visit its page, then set HF_TOKEN.") from error
    except RevisionNotFoundError as error:
        raise PullFailed(f"{id_} has no revision {revision}.") from error
    except RepositoryNotFoundError as error:
        raise PullFailed(f"{id_} is not on the hub, or not shown to this HF_TOKEN.") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        hint = _HINTS.get(status, "")
        raise PullFailed(f"{id_}: the hub answered {status}.{hint}") from error
    except Exception as error:  # of the hub's HTTP client, of the disk, of a name that is none
        raise PullFailed(f"{id_} could not be fetched: {error}".splitlines()[0]) from error
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    return Pulled(repository, info.sha or "", len(files), size, time.monotonic() - begin_s)
