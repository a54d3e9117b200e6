"""The drivers: one module each, named as what `driver` says in a stanza; each of those here can be started as a program.

What Telegraf reads by inputs of its own is beside them, in ``native``.
"""

from __future__ import annotations

import re
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
        raise BadInput(f"there is no driver {name!r}; {_meant(name)}", ("driver",))
    try:
        driver: type[Source] = import_module(f"{__name__}.{name}").DRIVER
    except Exception as error:  # one of the user's own, in whatever state
        raise BadInput(f"driver {name!r} can't be loaded: {type(error).__name__}: {error}", ("driver",)) from error
    return driver


def _meant(name: str) -> str:
    """Say which driver may have been meant: one that is written otherwise, or that serves a maker's model."""
    plain = _plain(name)
    if same := [known for known in names() if _plain(known) == plain]:
        return f"did you mean {same[0]!r}?"
    for known in names():
        driver = load(known)
        model = next((option for option in driver.options_known if option.name == "model"), None)
        if model and (found := [choice for choice in model.choices or () if _plain(str(choice)) == plain]):
            return f"did you mean driver: {known}, with model: {found[0]}?"
    words = re.findall(r"[a-z]+|\d+", name.lower())
    if len(words) > 1 or not _serving([plain]):
        # Other digits are another instrument; misplaced ones are a slip.
        hint = suggestion(name, [known for known in names() if _digits(known) == _digits(name)])
        if hint.startswith("did you mean"):
            return hint
    serving = _serving([*words, plain])
    if len(serving) > 1:
        return f"which one? {', '.join(f'{known} ({title})' for known, title in serving.items())}"
    for known, title in serving.items():
        return f"driver {known} serves that ({title}); docs/drivers has its page"
    hint = "one that speaks SCPI is read by scpi, one that sends lines by serial_lines or tcp_lines"
    return f"{hint}; {suggestion('', names())}"


def _serving(words: list[str]) -> dict[str, str]:
    """Find the drivers for a maker, a series or a model; gives their titles."""
    found = {}
    for known in names():
        driver = load(known)
        called = {_plain(word) for word in (known, known.partition("_")[0], *driver.known_as)}
        if called & set(words):
            found[known] = driver.title
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _digits(name: str) -> list[str]:
    return sorted(filter(str.isdigit, name))
