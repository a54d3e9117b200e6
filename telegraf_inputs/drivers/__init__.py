"""The drivers: one module each, named as what `driver` says in a stanza; each of those here can be started as a program.

What Telegraf reads by inputs of its own is beside them, in ``native``.
"""

from __future__ import annotations

from importlib import import_module

from .. import native, plugins
from ..errors import BadInput, suggestion
from ..source import Source

__path__ = plugins.extended(__path__, "drivers")


def programs() -> tuple[str, ...]:
    """List the drivers that are programs, in alphabetical order."""
    return plugins.modules(__path__)


def names() -> tuple[str, ...]:
    """List all that `driver` can say, in alphabetical order: programs, and inputs of Telegraf's own."""
    return tuple(sorted((*programs(), *native.names())))


def load(name: str) -> type[Source]:
    """Get a driver's class by its name; loads no other driver."""
    if name in native.names():
        return native.load(name)
    if name not in programs():
        # Other digits are another instrument; misplaced ones are a slip.
        like = [known for known in names() if _digits(known) == _digits(name)]
        hint = suggestion(name, like)
        if not hint.startswith("did you mean"):
            hint = suggestion("", names())
        raise BadInput(f"there is no driver {name!r}; {hint}", ("driver",))
    try:
        driver: type[Source] = import_module(f"{__name__}.{name}").DRIVER
    except Exception as error:  # one of the user's own, in whatever state
        raise BadInput(f"driver {name!r} can't be loaded: {type(error).__name__}: {error}", ("driver",)) from error
    return driver


def _digits(name: str) -> list[str]:
    return sorted(filter(str.isdigit, name))
