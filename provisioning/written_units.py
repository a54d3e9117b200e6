"""The units that an instrument's stanza writes: a slip is refused here, before it names a quantity for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from telegraf_inputs.errors import BadInput
from telegraf_inputs.letters import normal

from . import units

Path = tuple[Any, ...]


def slips(data: Any) -> Iterator[BadInput]:
    """Find each ``unit`` anywhere in a stanza that is a known one, written otherwise (``Celcius``, ``mBar``)."""
    for path, unit in _written(data):
        if meant := units.misspelt(normal(unit).strip()):
            yield BadInput(f"found {unit!r}, expected {meant!r}: nothing converts to a unit of that spelling", path)


def _written(data: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in parts:
        if key == "unit" and isinstance(value, str):
            yield (*path, key), value
        else:
            yield from _written(value, (*path, key))
