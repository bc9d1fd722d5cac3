"""Pictures of all formats and many sizes, and a server on loopback that gives them by URL."""

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

from benchmarks.pictures import paint
from benchmarks.scenario import PictureKind

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF")
SIZES_PX = ((32, 32), (128, 128), (320, 240), (640, 480))
LARGE_PX = (2048, 1536)
LARGE_SHARE = 0.05
"""As JPEG only: the other formats take longer to write than to serve."""

HOST = "127.0.0.1"

pillow_heif.register_heif_opener()


def picture(draw: random.Random) -> tuple[bytes, str]:
    """Return the bytes and the media type of a picture that was not sent before."""
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
        """Say nothing of a service that goes before it has read a picture: its caller had gone."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Give a picture, for a path of its own the same one; `/gone` is not there."""
        if self.path == "/gone":
            self.send_error(404)
            return
        data, media_type = picture(random.Random(self.path))
        self.send_response(200)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # its caller's name
        """Say nothing."""


def _serve(port: "Connection[int, None]") -> None:
    server = _Server((HOST, 0), _Handler)
    port.send(server.server_port)
    port.close()
    server.serve_forever()


@contextmanager
def picture_server() -> Iterator[str]:
    """Serve pictures for the length of the context; yields `host:port`.

    In a process of its own: it shall not wait for the interpreter of the client that is loaded.
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
