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
    """Get the class of a driver's simulator. Raises BadInput where there is none that can be loaded."""
    if driver not in plugins.modules(__path__):
        raise BadInput(f"driver {driver!r} has no simulator: there is no simulators/{driver}.py", ("connection",))
    try:
        simulator: type[Simulator] = import_module(f"{__name__}.{driver}").SIMULATOR
    except Exception as error:  # one of the user's own, in whatever state
        said = f"the simulator of {driver!r} can't be loaded: {type(error).__name__}: {error}"
        raise BadInput(said, ("connection",)) from error
    return simulator


def start(stanza: Stanza, **given: Any) -> Simulator:
    """Start the simulator of a stanza's driver; returns it running (``url``, ``fault``, ``stop()``).

    What is ``given`` (seed, plan, transport, and what the simulator's class takes) overrides the ``sim:`` connection's.
    Raises BadInput where it can't be started.
    """
    options = {**settings(stanza.connection, stanza.driver), **given}
    transport = options.pop("transport")
    kind = load(stanza.driver.name).of(stanza)
    try:
        simulator = kind(stanza, **options)
        simulator.transport = transport or simulator.transport
        simulator.start()
    except BadInput:
        raise
    except Exception as error:  # no port, no pty, no disk; or a fault in one of the user's own
        said = f"the simulator of {stanza.name!r} can't be started: {type(error).__name__}: {error}"
        raise BadInput(said, ("connection",)) from error
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
    plan = check_plan(options.get("faults", ""))
    if plan and driver is not None:
        _check_faults([fault for fault, *_ in plan], driver)
    return {"seed": seed, "plan": options.get("faults", ""), "transport": transport}


def _check_faults(faults: list[str], driver: type[Source]) -> None:
    """Refuse (BadInput) faults that the simulator of a driver can't show."""
    if driver.alive_by == "points":
        raise BadInput(f"leave faults= out: what Telegraf reads itself ({driver.name}) is simulated without faults")
    simulator = load(driver.name)
    for fault in faults:
        if fault in simulator.not_faults:
            raise BadInput(
                f"the simulator of {driver.name!r} can't have the fault {fault!r}: {simulator.not_faults[fault]}"
            )
        every = {name: why for kind in simulator.kinds() for name, why in kind.faults.items()}
        if fault not in every:
            known = [name for name in every if name not in simulator.not_faults]
            raise BadInput(f"the simulator of {driver.name!r} has no fault {fault!r}; {suggestion(fault, known)}")
