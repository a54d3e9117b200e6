"""A server of asyncio, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from typing import Any


class Background:
    """Starts at once; a subclass defines ``_serve``, which returns when it answers, and ``_end``."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self.start()

    def start(self) -> None:
        """Start it; returns when it answers."""
        loop = self._loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        self._do(self._serve())

    def stop(self) -> None:
        """Stop it, if it runs: connections are closed, new ones refused."""
        if self._loop is None:
            return
        self._do(self._end())
        loop, self._loop = self._loop, None
        loop.call_soon_threadsafe(loop.stop)

    def _do(self, work: Any) -> Any:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _serve(self) -> None:
        raise NotImplementedError

    async def _end(self) -> None:
        raise NotImplementedError
