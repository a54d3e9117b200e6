"""Simulators: for every driver a stand-in for the hardware that speaks its protocol on a real socket, pty or folder."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .. import plugins
from ..configured import Stanza
from ..errors import BadInput, suggestion
from ..source import Source
from ..url import Url
from .base import Simulator
from .faults import FAULTS, check_plan

__all__ = ["FAULTS", "load", "settings", "start"]
__path__ = plugins.extended(__path__, "simulators")


def load(driver: str) -> type[Simulator]:
    """Get the class of a driver's simulator."""
    simulator: type[Simulator] = import_module(f"{__name__}.{driver}").SIMULATOR
    return simulator


def start(stanza: Stanza, **given: Any) -> Simulator:
    """Start the simulator of a stanza's driver; returns it running (``url``, ``fault``, ``stop()``).

    What is ``given`` (seed, plan, transport, and what the simulator's class takes) overrides the ``sim:`` connection's.
    """
    options = {**settings(stanza.connection, stanza.driver), **given}
    transport = options.pop("transport")
    simulator = load(stanza.driver.name)(stanza, **options)
    simulator.transport = transport or simulator.transport
    simulator.start()
    return simulator


def settings(url: Url, driver: type[Source] | None = None) -> dict[str, Any]:
    """Read the options of ``sim:?seed=…&faults=…&transport=…``; the defaults for any other connection. Raises BadInput.

    ``transport`` (a scheme) is for a ``driver`` that can be reached in several ways.
    """
    options = url.options if url.scheme == "sim" else {}
    known = ("seed", "faults", "transport")
    for name in options:
        if name not in known:
            raise BadInput(f"simulator option {name!r} is not known; {suggestion(name, known)}")
    try:
        seed = int(options.get("seed", 0))
    except ValueError:
        raise BadInput(f"found seed={options['seed']}, expected a whole number") from None
    transport = options.get("transport")
    if transport is not None and driver is not None and transport not in driver.schemes:
        raise BadInput(
            f"driver {driver.name!r} can't be reached by transport={transport}; {suggestion(transport, driver.schemes)}"
        )
    check_plan(options.get("faults", ""))
    return {"seed": seed, "plan": options.get("faults", ""), "transport": transport}
