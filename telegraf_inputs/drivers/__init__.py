"""The drivers: one module each, named as its measurement; each can be started as a program."""

from __future__ import annotations

import os
from importlib import import_module

from ..errors import BadInput, suggestion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..driver import Driver


def names() -> tuple[str, ...]:
    """List the drivers that there are, in alphabetical order: the modules here that hold a Driver of their own name."""
    modules = (f[:-3] for f in os.listdir(os.path.dirname(__file__)) if f.endswith(".py") and not f.startswith("_"))
    return tuple(sorted(modules))


def load(name: str) -> type[Driver]:
    """Get a driver's class by its name; loads no other driver."""
    if name not in names():
        # Other digits are another instrument; misplaced ones are a slip.
        like = [known for known in names() if _digits(known) == _digits(name)]
        hint = suggestion(name, like)
        if not hint.startswith("did you mean"):
            hint = suggestion("", names())
        raise BadInput(f"there is no driver {name!r}; {hint}", ("driver",))
    driver: type[Driver] = import_module(f"{__name__}.{name}").DRIVER
    return driver


def _digits(name: str) -> list[str]:
    return sorted(filter(str.isdigit, name))
