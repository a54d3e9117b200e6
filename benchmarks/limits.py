"""What the program of one instrument may take, by its driver; those that are not named have the limits of all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """``memory`` in MB (PSS), ``start`` in ms until the first reading; None: what ``why`` says decides it."""

    memory: float = 18.0
    start: float | None = 250.0
    why: str = ""


# Above those of all where a library needs it; without one for the start where the instrument, by its manual, or a library makes it slow.
BY_DRIVER = {
    "camera": Limits(memory=40.0, start=None, why="Pillow is loaded for its first picture"),
    "display_ocr": Limits(memory=40.0, start=None, why="two pictures have to say the same, 0.2 s after each other"),
    "epics": Limits(memory=28.0, start=None, why="caproto looks after new connections ten times a second"),
    "julabo": Limits(start=None, why="it wants 0.25 s of rest before each command"),
    "lakeshore_218": Limits(start=None, why="it gets 0.1 s of rest before each command"),
    "lakeshore_240": Limits(start=None, why="its first question gets no answer"),
    "lakeshore_336": Limits(start=None, why="it gets 0.05 s of rest before each command"),
    "ocs_feed": Limits(
        memory=50.0, start=None, why="an agent speaks when it has something to say; the simulated one, twice a second"
    ),
    "rfid_rdm6300": Limits(
        start=None, why="a card comes when somebody holds it near; the simulated ones, several a minute"
    ),
    "scipion": Limits(memory=32.0),
    "serial_lines": Limits(start=None, why="it speaks by itself; the simulated one, twice a second"),
    "thermistor_adcpi": Limits(start=None, why="a conversion takes 0.27 s"),
}
# A lab of 20 instruments has about so many drivers; these are the mix that its limit is for.
TOGETHER = ("ds18b20", "julabo", "lakeshore_372", "pfeiffer_tpg", "phidget", "scpi")
INSTRUMENTS, TOGETHER_MEMORY = 20, 100.0  # MB


def of(driver: str) -> Limits:
    """Give the limits of a driver's program."""
    return BY_DRIVER.get(driver, Limits())
