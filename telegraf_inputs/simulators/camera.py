"""A network camera: a web server on loopback that gives a picture of a room in which something moves."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import random
import re
import threading
from collections.abc import Container
from pathlib import Path
from typing import Any

from ..configured import Stanza
from ..drivers.camera import SIMULATED
from ._gallery import Gallery
from .base import GARBAGE, Simulator
from .faults import EXCHANGE

SIZE = (640, 480)
OWN_WAY = "each picture comes over a connection of its own"
KEPT = re.compile(SIMULATED + r"/\d{4}-\d\d-\d\d/\d{8}T\d{6}\.\d{3}Z\.jpg\Z")


class CameraSimulator(Simulator):
    """Answers each GET with a JPEG; ``sees`` may be set to ``black``, or to ``frozen``."""

    not_faults = {**dict.fromkeys(EXCHANGE, OWN_WAY), "over_range": "a picture is as bright as white at most"}
    not_transports = {
        "https": "a certificate of its own would be trusted by nobody; the way is that of http",
        "command": "a program is no camera that listens",
        "file": "a file is no camera that listens; it is read by the tests of its own",
    }
    states = {"truncated": {"degraded"}, "garbage": {"degraded"}}

    def __init__(self, stanza: Stanza, seed: int = 0, plan: str = ""):
        super().__init__(stanza, seed, plan)
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.sees = ""
        self._last = b""
        self._count = 0

    def bands(self) -> dict[tuple[str, str], tuple[float, float]]:
        (channel,) = self.stanza.channels
        bands = {
            "brightness": (30.0, 50.0),
            "contrast": (5.0, 30.0),
            "difference": (0.01, 10.0),
            "size": (2000, 200_000),
        }
        return {(channel.id, name): band for name, band in bands.items()}

    def words(self) -> dict[tuple[str, str], Container[Any]]:
        (channel,) = self.stanza.channels
        return {(channel.id, "path"): _Kept()} if channel.options["folder"] else {}

    def start(self) -> None:
        self._gallery = self.gallery()
        self.trouble = self._gallery.trouble if self._gallery else ""
        self._stopping = threading.Event()
        handler = functools.partial(_Handler, self)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads, self._server.block_on_close = True, False
        self.url = f"http://127.0.0.1:{self._server.server_port}/{SIMULATED}/snapshot.jpg"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def gallery(self) -> Gallery | None:
        """Serve the folder in which its driver keeps the pictures, where the stanza says; None where it keeps none."""
        (channel,), address = self.stanza.channels, self.stanza.options["pictures_url"]
        return Gallery(Path(channel.options["folder"] or "/").as_uri(), address or "")

    def stop(self) -> None:
        self._stopping.set()
        if self._gallery:
            self._gallery.stop()
        self._server.shutdown()
        self._server.server_close()

    def answer(self) -> bytes | None:
        """Give the picture of now, spoilt as the fault wants it; None: nothing is said."""
        with self._lock:
            fault = self.current_fault()
            if self.sees != "frozen" or not self._last:
                self._last = self.picture(black=self.sees == "black")
            if fault == "silent":
                return None
            if fault == "garbage":
                return 20 * GARBAGE
            return self._last[: len(self._last) // 2] if fault == "truncated" else self._last

    def picture(self, *, black: bool = False) -> bytes:
        """Draw what the camera sees, with its noise."""
        from PIL import Image, ImageChops, ImageDraw

        self._count += 1
        grain = Image.frombytes("L", (SIZE[0] // 4, SIZE[1] // 4), self._random.randbytes(SIZE[0] * SIZE[1] // 16))
        grain = grain.resize(SIZE).point(lambda value: value // 16)
        room = Image.new("L", SIZE, 0)
        if not black:
            room = Image.linear_gradient("L").resize(SIZE).point(lambda value: 60 + value // 3)
            pen = ImageDraw.Draw(room)
            pen.rectangle((80, 120, 220, 400), fill=30)
            x = 260 + 40 * (self._count % 8)
            pen.ellipse((x, 200, x + 60, 260), fill=200)
        data = io.BytesIO()
        (grain.point(lambda value: value // 8) if black else ImageChops.add(room, grain)).convert("RGB").save(
            data, "JPEG"
        )
        return data.getvalue()


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, simulator: CameraSimulator, *args: Any):
        self._simulator = simulator
        super().__init__(*args)

    def do_GET(self) -> None:
        simulator = self._simulator
        if simulator.current_fault() == "disconnect":
            self.close_connection = True
            return  # nothing is said, and the connection is closed
        data = simulator.answer()
        if data is None:
            while simulator.current_fault() == "silent" and not simulator._stopping.wait(0.05):
                pass
            self.close_connection = True
            return
        with contextlib.suppress(OSError):  # whoever asked has gone
            self.send_response(200)
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


class _Kept:
    """Contains each path at which a picture may be kept."""

    def __contains__(self, path: object) -> bool:
        return bool(KEPT.match(str(path)))


SIMULATOR = CameraSimulator
