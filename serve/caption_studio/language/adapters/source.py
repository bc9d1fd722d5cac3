"""Adapter → the place of its files, or the reason why that place is refused.

Holders of the admin key name sources at run time, and the service reads them with its own
rights. So a folder must lie in the operator's `adapters_dir`, a hub adapter must be pinned to a
commit, and a URL may have only the schemes of the settings. Sources in the settings are the
operator's own: their folders may be anywhere, and their hub adapters need no commit.
"""

import logging
import re
from dataclasses import dataclass
from pathlib import Path

from caption_studio.errors import InvalidAdapter
from caption_studio.records import Adapter
from caption_studio.settings import EMBEDDED_PREFIX, LanguageSettings, model_location

logger = logging.getLogger(__name__)

EMBEDDED_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine; its files must, links followed, lie within `root` if one is set."""

    path: Path
    root: Path | None = None


@dataclass(frozen=True, slots=True)
class HubRepository:
    """A repository of the model hub."""

    id: str
    revision: str | None


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """A folder at an fsspec URL."""

    url: str


Source = Folder | HubRepository | RemoteFolder


def locate(adapter: Adapter, settings: LanguageSettings) -> Source:
    """Return where the adapter's files are. Raises `InvalidAdapter`."""
    source = adapter.source
    if not source.isprintable():
        raise InvalidAdapter("The source holds characters that none may hold.", param="source")
    if HUB_ID.fullmatch(source):
        return _hub(adapter)
    if adapter.revision is not None:
        raise InvalidAdapter("Only a source on the hub has a revision.", param="revision")
    if source.startswith(EMBEDDED_PREFIX):
        if not EMBEDDED_NAME.fullmatch(source.removeprefix(EMBEDDED_PREFIX)):
            raise InvalidAdapter("No embedded adapter has this name.", param="source")
        return Folder(Path(model_location(source)))
    if "://" in source:
        return _remote(source, settings.adapter_url_schemes)
    if source.startswith("/"):
        return Folder(Path(source)) if adapter.configured else _set_aside(source, settings)
    raise InvalidAdapter(
        "The source must be an absolute folder, a hub id (owner/name), a URL or embedded:NAME.",
        param="source",
    )


def _hub(adapter: Adapter) -> HubRepository:
    pinned = adapter.revision is not None and COMMIT.fullmatch(adapter.revision)
    if not pinned and not adapter.configured:
        raise InvalidAdapter(
            "A source on the hub needs its revision, the whole commit (40 hexadecimal digits).",
            param="revision",
        )
    if not pinned:
        logger.warning(
            "a configured adapter is not pinned to a commit: another may come after a restart",
            extra={"adapter": adapter.id},
        )
    return HubRepository(adapter.source, adapter.revision)


def _remote(url: str, schemes: tuple[str, ...]) -> RemoteFolder:
    # `::` chains file systems in fsspec: s3://… could lead to any other.
    if url.split("://")[0] not in schemes or "::" in url:
        raise InvalidAdapter(
            f"The source's URL must begin with one of: {', '.join(f'{s}://' for s in schemes)}.",
            param="source",
        )
    return RemoteFolder(url.rstrip("/"))


def _set_aside(source: str, settings: LanguageSettings) -> Folder:
    if settings.adapters_dir is None:
        raise InvalidAdapter(
            "This service takes no adapters from its own disk: no adapters_dir is configured.",
            param="source",
        )
    root = settings.adapters_dir.expanduser().resolve()
    path = Path(source).resolve()
    if path == root or not path.is_relative_to(root):
        raise InvalidAdapter("The source must be a folder in adapters_dir.", param="source")
    return Folder(path, root)
