"""Pictures of all formats and many sizes, and a server on loopback for them."""

import io
import multiprocessing
import random
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

import pillow_heif
from PIL import Image

from benchmarks.scenario import PictureKind
from benchmarks.workload.pictures import paint

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF")
SIZES_PX = ((32, 32), (128, 128), (320, 240), (640, 480))
LARGE_PX = (2048, 1536)
LARGE_SHARE = 0.05
"""Large pictures are JPEG only, since other formats take longer to write than to serve."""

HOST = "127.0.0.1"

pillow_heif.register_heif_opener()


def picture(draw: random.Random) -> tuple[bytes, str]:
    """Return the bytes and the media type of a new random picture."""
    is_large = draw.random() < LARGE_SHARE
    width_px, height_px = LARGE_PX if is_large else draw.choice(SIZES_PX)
    kind = PictureKind(width_px=width_px, height_px=height_px)
    data = paint(kind, seed=draw.getrandbits(31), number=0)
    name = "JPEG" if is_large else draw.choice(FORMATS)
    if name != "JPEG":
        buffer = io.BytesIO()
        Image.open(io.BytesIO(data)).save(buffer, name)
        data = buffer.getvalue()
    return data, f"image/{name.lower()}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a disconnect before the picture is read: the service's own caller left."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Return a picture, always the same for the same path; `/gone` is missing."""
        if self.path == "/gone":
            self.send_error(404)
            return
        data, media_type = picture(random.Random(self.path))
        self.send_response(200)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # the base class's argument name
        """Log nothing."""


def _serve(port: "Connection[int, None]") -> None:
    server = _Server((HOST, 0), _Handler)
    port.send(server.server_port)
    port.close()
    server.serve_forever()


@contextmanager
def picture_server() -> Iterator[str]:
    """Serve pictures for the length of the context; yields `host:port`.

    It runs in its own process, so that it does not wait for the busy client's interpreter.
    """
    processes = multiprocessing.get_context("spawn")
    there, here = processes.Pipe(duplex=False)
    process = processes.Process(target=_serve, args=(here,), daemon=True)
    process.start()
    try:
        here.close()
        yield f"{HOST}:{there.recv()}"
    finally:
        process.terminate()
        process.join()
