"""Simulators: for every driver a stand-in for the hardware that speaks its protocol on a real socket, pty or folder."""

from __future__ import annotations

import re
from importlib import import_module

from ..errors import BadInput, suggestion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..connection import Url
    from ..driver import Driver
    from ..stanza import Stanza
    from .base import Simulator

PLAN = re.compile(r"(\w+)@(\d+(?:\.\d+)?)\+(\d+(?:\.\d+)?)(?:/(\d+(?:\.\d+)?))?\Z", re.ASCII)
FAULTS = {
    "silent": "it takes what it is asked and answers nothing",
    "truncated": "answers end in the middle, without their terminator",
    "late": "each answer comes only when the next question does",
    "swapped": "each question gets, at once, the answer to the one before",
    "doubled": "each answer comes twice, in one piece",
    "stray": "before an answer, in one piece with it, comes another of its form that somebody else asked for",
    "garbage": "answers are bytes that are no answer",
    "over_range": "the quantity is beyond what the instrument can measure, and it says so",
    "disconnect": "the cable is pulled; it is back when the fault ends",
}


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


def settings(url: Url, driver: type[Driver]) -> dict[str, Any]:
    """Read the options of ``sim:?seed=…&faults=…&transport=…``; the defaults for any other connection. Raises BadInput.

    ``transport`` (tcp, serial or visa) is for a driver that can be reached in several ways.
    """
    options = url.options if url.scheme == "sim" else {}
    known = ("seed", "faults", "transport")
    for name in options:
        if name not in known:
            raise BadInput(f"simulator option {name!r} is not known; {suggestion(name, known)}", ("connection",))
    try:
        seed = int(options.get("seed", 0))
    except ValueError:
        raise BadInput(f"found seed={options['seed']}, expected a whole number", ("connection",)) from None
    transport = options.get("transport")
    if transport is not None and transport not in driver.schemes:
        raise BadInput(
            f"driver {driver.name!r} can't be reached by transport={transport}; "
            f"{suggestion(transport, driver.schemes)}",
            ("connection",),
        )
    check_plan(options.get("faults", ""))
    return {"seed": seed, "plan": options.get("faults", ""), "transport": transport}


def check_plan(text: str) -> list[tuple[str, float, float, float]]:
    """Read a plan of faults by the clock: (fault, start, length, period), in seconds. Raises BadInput."""
    plan = []
    for entry in filter(None, text.split(",")):
        match = PLAN.match(entry)
        if not match or match[1] not in FAULTS or match[4] and not float(match[4]):
            raise BadInput(
                f"found faults={entry}, expected KIND@START+LENGTH[/PERIOD] in seconds; "
                f"{suggestion(entry.partition('@')[0], FAULTS)}",
                ("connection",),
            )
        plan.append((match[1], float(match[2]), float(match[3]), float(match[4] or "inf")))
    return plan
