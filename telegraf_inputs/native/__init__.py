"""What Telegraf reads by inputs of its own: one module each, named as what `driver` says in a stanza."""

from __future__ import annotations

from importlib import import_module

from .. import plugins
from ..source import Source

__path__ = plugins.extended(__path__, "native")


def names() -> tuple[str, ...]:
    """List them, in alphabetical order."""
    return plugins.modules(__path__)


def load(name: str) -> type[Source]:
    """Get one by its name; loads no other."""
    driver: type[Source] = import_module(f"{__name__}.{name}").DRIVER
    return driver
