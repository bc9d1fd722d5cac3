"""ImageReference or ImageBytes → Pixels: the whole intake behind one method.

Fetching waits on the event loop; reading base64 and decoding run in threads (`workers.py`).

Threads and not processes, measured for a 512-pixel JPEG on 2 cores: 2.4 ms called directly, 2.6 in
one of our threads, 2.7 to 3.9 in a process pool, with a p90 of 8 ms against 2.9. Every long step of
Pillow 13 releases the GIL (JPEG, PNG, WebP and GIF of 16 megapixels: the longest stall of another
thread was 8 ms), and a pool would fork or import again inside a Ray actor. A process could also be
killed if its decode is stuck; threads have `stop` instead, and are abandoned at the deadline.
"""

import ssl
import time
from collections.abc import Callable
from functools import partial

import httpcore

from caption_studio.errors import RETRY_AFTER_S, InvalidValue, NotReady
from caption_studio.images.decode import decode
from caption_studio.images.fetch import URLFetcher
from caption_studio.images.network import Resolver, SystemResolver
from caption_studio.images.source import is_data_url, read_data_url, within_cap
from caption_studio.images.stop import Stop
from caption_studio.images.workers import DecodeWorkers
from caption_studio.records import FileReference, ImageBytes, Loaded, Picture, Pixels
from caption_studio.settings import ImageSettings


class ImageIntake:
    """Takes pictures in for a describer whose input is `size_px` pixels square.

    `resolver`, `network` and `ssl_context` give access to the internet; by default they are the
    system's own.
    """

    def __init__(
        self,
        settings: ImageSettings,
        *,
        size_px: int,
        resolver: Resolver | None = None,
        network: httpcore.AsyncNetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._size_px = size_px
        self._system_resolver = SystemResolver(settings.fetch_concurrency)
        self._resolver = resolver or self._system_resolver
        self._network = network or httpcore.AnyIOBackend()
        self._ssl_context = ssl_context
        self._workers = DecodeWorkers(settings.decode_workers, timeout_s=settings.decode_timeout_s)
        self._fetcher: URLFetcher | None = None

    async def start(self) -> None:
        """Read the certificates that TLS needs; threads start when there is work."""
        self._fetcher = URLFetcher(
            self._settings,
            resolver=self._resolver,
            network=self._network,
            ssl_context=self._ssl_context or httpcore.default_ssl_context(),
        )

    async def close(self) -> None:
        """Release all threads, without waiting for pictures in progress."""
        self._fetcher = None
        self._system_resolver.close()
        self._workers.close()

    def check_health(self) -> None:
        """Raise `NotReady` if every decode hangs, so that no further picture can be decoded."""
        if self._workers.all_stuck:
            raise NotReady("No image can be decoded just now.", retry_after_s=RETRY_AFTER_S)

    async def load(self, picture: Picture) -> Loaded:
        """Return the picture at the describer's input size. See `protocols.ImageLoader`."""
        if self._fetcher is None:
            raise NotReady("The service is starting or shutting down.", retry_after_s=RETRY_AFTER_S)
        if isinstance(picture, FileReference):  # the gateway reads files where it keeps any
            raise InvalidValue("This service keeps no files.", param=picture.param)
        max_bytes = self._settings.max_bytes
        if isinstance(picture, ImageBytes):
            uploaded = partial(within_cap, picture, max_bytes=max_bytes)
            return await self._decode(uploaded, picture.param, fetch_s=0.0)
        if is_data_url(picture.url):
            embedded = partial(read_data_url, picture, max_bytes=max_bytes)
            return await self._decode(embedded, picture.param, fetch_s=0.0)
        started_s = time.monotonic()
        async with self._fetcher.fetched(picture) as image:
            fetch_s = time.monotonic() - started_s
            return await self._decode(lambda: image, picture.param, fetch_s=fetch_s)

    async def _decode(
        self, read: Callable[[], ImageBytes], param: str, *, fetch_s: float
    ) -> Loaded:
        def job(stop: Stop) -> tuple[float, Pixels]:
            began_s = time.monotonic()
            pixels = decode(read(), size_px=self._size_px, settings=self._settings, stop=stop)
            return began_s, pixels

        asked_s = time.monotonic()
        began_s, pixels = await self._workers.run(job, param=param)
        return Loaded(
            pixels,
            fetch_s=fetch_s,
            decode_queue_s=began_s - asked_s,
            decode_s=time.monotonic() - began_s,
        )
