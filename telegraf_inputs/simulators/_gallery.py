"""Serves the folder of pictures to browsers on this machine, where a stanza says that it is found there."""

from __future__ import annotations

import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from ..drivers._picture_target import HERE, is_of_this_machine, local_folder


class Gallery:
    """Stands in for the web server beside Grafana; ``trouble`` says why nothing is served, "" where it is, or need not be."""

    def __init__(self, folder: str, address: str):
        path = local_folder(folder)
        self.trouble = ""
        self._server: ThreadingHTTPServer | None = None
        if not path or not is_of_this_machine(address):
            return
        try:
            os.makedirs(path, exist_ok=True)
            self._server = ThreadingHTTPServer((HERE, urlsplit(address).port or 0), partial(_Quiet, directory=path))
        except OSError as error:
            self.trouble = f"its pictures are not shown at {address}: {error.filename or 'that port'}: {error.strerror}"
            return
        threading.Thread(target=self._server.serve_forever, daemon=True, name="gallery").start()

    def stop(self) -> None:
        """Serve no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Tell nobody who looks."""
