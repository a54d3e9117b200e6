"""The drivers and simulators that tests alone have: folders as LABLINE_PATH names them, found by who asks for them here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from telegraf_inputs import drivers, plugins, simulators

FOLDER = Path(__file__).parent / "plugins"


@contextlib.contextmanager
def in_place() -> Iterator[None]:
    """Have them among the others, here and in programs that are started."""
    before = os.environ.get(plugins.VARIABLE)
    paths = list(drivers.__path__), list(simulators.__path__)
    os.environ[plugins.VARIABLE] = os.pathsep.join(filter(None, (str(FOLDER), before)))
    drivers.__path__[:] = [*paths[0], str(FOLDER / "drivers")]
    simulators.__path__[:] = [*paths[1], str(FOLDER / "simulators")]
    try:
        yield
    finally:
        drivers.__path__[:], simulators.__path__[:] = paths
        del os.environ[plugins.VARIABLE]
        if before is not None:
            os.environ[plugins.VARIABLE] = before
