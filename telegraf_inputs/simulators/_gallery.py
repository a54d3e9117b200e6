"""Serves the folder of pictures to browsers on this machine, where a stanza says that it is found there."""

from __future__ import annotations

import contextlib
import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from ..drivers._picture_target import local_folder

HERE = "127.0.0.1"


class Gallery:
    """Stands in for the web server beside Grafana; nothing is served where another program has the port."""

    def __init__(self, folder: str, address: str):
        path, url = local_folder(folder), urlsplit(address)
        self._server: ThreadingHTTPServer | None = None
        if not path or url.scheme != "http" or url.hostname != HERE or not url.port:
            return
        os.makedirs(path, exist_ok=True)
        with contextlib.suppress(OSError):
            self._server = ThreadingHTTPServer((HERE, url.port), partial(_Quiet, directory=path))
            threading.Thread(target=self._server.serve_forever, daemon=True, name="gallery").start()

    def stop(self) -> None:
        """Serve no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Tell nobody who looks."""
