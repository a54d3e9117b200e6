"""Simulators: for every driver a stand-in for the hardware that speaks its protocol on a real socket, pty or folder."""

from __future__ import annotations

from importlib import import_module

from ..errors import BadInput, suggestion

FAULTS = {
    "silent": "it takes what it is asked and answers nothing",
    "truncated": "answers end in the middle, without their terminator",
    "late": "each answer comes only when the next question does",
    "swapped": "each question gets, at once, the answer to the one before",
    "garbage": "answers are bytes that are no answer",
    "over_range": "the quantity is beyond what the instrument can measure, and it says so",
    "disconnect": "the cable is pulled; it is back when the fault ends",
}


def load(driver: str):
    """Get the class of a driver's simulator."""
    return import_module(f"{__name__}.{driver}").SIMULATOR


def start(stanza, **settings):
    """Start the simulator of a stanza's driver; returns it running (``url``, ``fault``, ``stop()``).

    ``settings`` override those of a ``sim:?seed=…&faults=…&transport=…`` connection; ``transport`` (tcp, serial or visa) is
    for a driver that can be reached in several ways.
    """
    options = dict(stanza.connection.options) if stanza.connection.scheme == "sim" else {}
    known = ("seed", "faults", "transport")
    for name in options:
        if name not in known:
            raise BadInput(f"simulator option {name!r} is not known; {suggestion(name, known)}", ("connection",))
    try:
        seed = int(options.get("seed", 0))
    except ValueError:
        raise BadInput(f"seed={options['seed']} is no whole number", ("connection",)) from None
    settings = {"seed": seed, "plan": options.get("faults", ""), **settings}
    transport = settings.pop("transport", options.get("transport"))
    simulator = load(stanza.driver.name)(stanza, **settings)
    if transport is not None:
        if transport not in stanza.driver.schemes:
            raise BadInput(f"driver {stanza.driver.name!r} can't be reached by transport={transport}; "
                           f"{suggestion(transport, stanza.driver.schemes)}", ("connection",))
        simulator.transport = transport
    simulator.start()
    return simulator
