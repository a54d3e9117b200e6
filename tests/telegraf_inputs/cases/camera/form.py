"""Plays cases of cameras: a transcript tells, cycle by cycle, what is given for the camera's URL.

picture 100        a grey picture of this brightness (0 to 255); ``picture 100 60``: its left half is of the other one
torn 100           its first half alone
bytes TEXT         this text instead of a picture
status 404         this status of HTTP
nothing            no answer, until whoever asked has gone
! closed           nobody listens
---, --- 30s, # …  as in every transcript
"""

from __future__ import annotations

import contextlib
import http.server
import io
import threading
from pathlib import Path

from PIL import Image

from telegraf_inputs import stanza
from tests.parts import transcript


class Form:
    """A camera that gives what the transcript says."""

    def __init__(self, folder: Path, checked: stanza.Stanza, tmp_path: Path):
        self.pauses, self._cycles = transcript.cycles(folder, checked.interval)
        self._step = ""
        self._asked = 0
        self._over = threading.Event()
        form = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                form._answer(self)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads, self._server.block_on_close = True, False
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/snapshot.jpg"

    def begin(self, cycle: int, instrument) -> None:
        (self._step,) = self._cycles[cycle]
        self._asked = 0

    def end(self, cycle: int) -> list[str]:
        return [] if self._asked == 1 else [f"{self._asked} pictures were asked for"]

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self._asked += 1
        kind, *rest = self._step.split()
        request.close_connection = True
        if self._step == "! closed":
            return
        if kind == "nothing":
            self._over.wait(10)
            return
        status, data = 200, " ".join(rest).encode()
        if kind == "status":
            status, data = int(rest[0]), b""
        if kind in ("picture", "torn"):
            data = _picture(*map(int, rest))
            data = data[: len(data) // 2] if kind == "torn" else data
        with contextlib.suppress(OSError):
            request.send_response(status)
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
            request.wfile.write(data)


def _picture(level: int, left: int | None = None) -> bytes:
    image = Image.new("L", (320, 240), level)
    if left is not None:
        image.paste(left, (0, 0, 160, 240))
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()
