"""Adapter → a private copy of its files, named by their content.

vLLM reads an adapter's files again after its eviction from memory, and its process dies if a
file is gone. So it gets copies that nothing else touches. Blocking: for a worker thread.
Not here: whether the adapter fits (language.adapters.check).
"""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from caption_studio.errors import InvalidAdapter
from caption_studio.language.adapters import weights as adapter_weights
from caption_studio.language.adapters.fetch import (
    BIN_FILE,
    CONFIG_FILE,
    SAFETENSORS_FILE,
    WEIGHTS_FILES,
    fetch,
)
from caption_studio.language.adapters.source import locate
from caption_studio.records import Adapter
from caption_studio.settings import LanguageSettings


@dataclass(frozen=True, slots=True)
class StoredAdapter:
    """A folder with `adapter_config.json` and `adapter_model.safetensors`, never written again.

    `digest` is the SHA-256 of the files as they came, in hexadecimal digits.
    """

    folder: Path
    digest: str


class AdapterStore:
    """Copies on this machine's disk, shared by its replicas."""

    def __init__(self, settings: LanguageSettings) -> None:
        self._settings = settings
        self._root = settings.adapter_cache_dir.expanduser()

    def get(self, adapter: Adapter) -> StoredAdapter:
        """Return the copy; make it if it does not exist.

        Without a digest the source is always read again: it may have changed.

        Raises:
            InvalidAdapter: the source is refused, holds no adapter, or holds another one by now.
            AdapterUnavailable: the source cannot be reached.
        """
        if adapter.digest is not None and (folder := self._root / adapter.digest).is_dir():
            return StoredAdapter(folder, adapter.digest)
        source = locate(adapter, self._settings)
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._root, prefix=".fetch-") as parent:
            folder = Path(parent) / "adapter"
            folder.mkdir()
            fetch(
                source,
                folder,
                max_bytes=self._settings.max_adapter_bytes,
                timeout_s=self._settings.adapter_fetch_timeout_s,
            )
            digest = _digest(folder)
            if adapter.digest not in (None, digest):
                raise InvalidAdapter(
                    "The files at the source are no longer those that were added.", param="source"
                )
            self._only_safetensors(folder)
            return StoredAdapter(self._keep(folder, digest), digest)

    def _only_safetensors(self, folder: Path) -> None:
        """Convert a .bin to safetensors once, so that no later reader unpickles it."""
        old = folder / BIN_FILE
        if old.exists():
            adapter_weights.convert(
                old, folder / SAFETENSORS_FILE, max_bytes=self._settings.max_adapter_bytes
            )
            old.unlink()

    def _keep(self, folder: Path, digest: str) -> Path:
        kept = self._root / digest
        try:
            folder.rename(kept)
        except OSError:
            if not kept.is_dir():
                raise
            # Another replica was faster; the content is the same.
        return kept


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in (CONFIG_FILE, *WEIGHTS_FILES):
        path = folder / name
        if path.exists():
            with path.open("rb") as content:
                of_file = hashlib.file_digest(content, "sha256").hexdigest()
            digest.update(f"{name} {of_file}\n".encode())
    return digest.hexdigest()
