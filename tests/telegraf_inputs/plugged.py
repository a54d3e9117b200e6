"""The drivers, simulators and transports that tests alone have: folders as LABLINE_PATH names them, found by who asks for them here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from telegraf_inputs import drivers, plugins, simulators, transports

FOLDER = Path(__file__).parent / "plugins"
ROOM = Path(__file__).parent / "room"


@contextlib.contextmanager
def in_place(folder: Path = FOLDER) -> Iterator[None]:
    """Have them among the others, here and in programs that are started."""
    before = os.environ.get(plugins.VARIABLE)
    paths = {package: list(package.__path__) for package in (drivers, simulators, transports)}
    os.environ[plugins.VARIABLE] = os.pathsep.join(filter(None, (str(folder), before)))
    for package, path in paths.items():
        package.__path__[:] = [*path, str(folder / package.__name__.rpartition(".")[2])]
    try:
        yield
    finally:
        for package, path in paths.items():
            package.__path__[:] = path
        del os.environ[plugins.VARIABLE]
        if before is not None:
            os.environ[plugins.VARIABLE] = before
