"""Keyrings that follow their files while the service runs: a removed key is refused.

The files are polled: Kubernetes changes a Secret by swapping a link, and a network file system does
not notify of a change.
"""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

from caption_studio.gateway.key_files import (
    Content,
    KeyFile,
    key_file_paths,
    make_keyrings,
    parse_content,
    read_file,
)
from caption_studio.gateway.keys import ApiKey
from caption_studio.observability.metrics import Metrics
from caption_studio.settings import GatewaySettings

logger = logging.getLogger(__name__)

POLL_S = 1.0
"""A change counts after two polls read the same content: not while the file is being written."""


class FollowedKeys:
    """Holds the keyrings in force, `rings`, and replaces them atomically.

    A file is accepted as a whole or not at all. If it cannot be read, has no key or a malformed
    line, its earlier keys stay in force, and a log line and a metric report it. Raises `ValueError`
    if a file is invalid at the start.
    """

    def __init__(self, settings: GatewaySettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._paths = key_file_paths(settings)
        self._seen = self._judged = self._read()
        self._in_force = {file: self._parse(file, held) for file, held in self._seen.items()}
        self._refused: dict[KeyFile, str] = {}
        self.rings = make_keyrings(settings, self._in_force)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Poll the files, if there are any, in a separate thread while the context lasts."""
        if not self._paths:
            yield
            return
        thread = ThreadPoolExecutor(1, thread_name_prefix="key-files")
        polling = asyncio.create_task(self._poll_on(thread))
        try:
            yield
        finally:
            polling.cancel()
            with suppress(asyncio.CancelledError):
                await polling
            thread.shutdown(wait=False)

    async def _poll_on(self, thread: ThreadPoolExecutor) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            try:
                await asyncio.get_running_loop().run_in_executor(thread, self.poll)
            except Exception:  # polling goes on, to see the next change
                logger.exception("the key files could not be polled")

    def poll(self) -> None:
        """Read the files; apply new content once two polls in a row have read it. Blocks."""
        content = self._read()
        is_settled, self._seen = content == self._seen, content
        if is_settled and content != self._judged:
            self._judge(content)
            self._judged = content

    def _read(self) -> dict[KeyFile, Content]:
        return {file: read_file(path) for file, path in self._paths.items()}

    def _parse(self, file: KeyFile, content: Content) -> tuple[ApiKey, ...]:
        return parse_content(file, self._paths[file], content)

    def _judge(self, content: Mapping[KeyFile, Content]) -> None:
        parsed: dict[KeyFile, tuple[ApiKey, ...]] = {}
        refused: dict[KeyFile, str] = {}
        for file, held in content.items():
            try:
                parsed[file] = self._parse(file, held)
            except ValueError as error:
                refused[file] = str(error)
        taken, reason = self._take(parsed)
        refused |= {file: f"{self._paths[file]}: {reason}" for file in parsed.keys() - taken.keys()}
        self._tell(taken, refused)
        self._in_force |= taken
        self._refused = refused

    def _take(
        self, parsed: Mapping[KeyFile, tuple[ApiKey, ...]]
    ) -> tuple[dict[KeyFile, tuple[ApiKey, ...]], str]:
        """Put in force as many compatible files as possible; return them, and why others fail.

        A file that conflicts with others' new keys is tried with their earlier keys, or waits.
        """
        reason = ""
        for number in range(len(parsed), 0, -1):
            for files in itertools.combinations(parsed, number):
                taken = {file: parsed[file] for file in files}
                try:
                    self.rings = make_keyrings(self._settings, self._in_force | taken)
                except ValueError as error:
                    reason = reason or str(error)
                else:
                    return taken, reason
        return {}, reason

    def _tell(
        self, taken: Mapping[KeyFile, Sequence[ApiKey]], refused: Mapping[KeyFile, str]
    ) -> None:
        for file, keys in taken.items():
            self._metrics.keys.file_refused(file, 0)
            if keys != self._in_force[file] or file in self._refused:
                logger.info("key file taken", extra={"setting": file, "keys": len(keys)})
        for file, reason in refused.items():
            self._metrics.keys.file_refused(file, 1)
            if reason != self._refused.get(file):
                extra = {"setting": file, "reason": reason}
                logger.error("key file refused: its earlier keys stay in force", extra=extra)
