"""Tells Telegraf, for the instruments that it reads itself, whether this machine's clock follows another one.

    python -m telegraf_inputs.native_clock

Telegraf's inputs.exec starts it now and then: nothing of it stays in memory. What it prints goes to the scripts of
these instruments (native/shape.star), which mark points by it, and to no database.
"""

from __future__ import annotations

from .clock import LOOK_SECONDS, Clock

METRIC, FIELD = "labline_clock", "clock"
TAG = ("labline", "clock")  # by which it passes the scripts' filters
SECONDS = round(LOOK_SECONDS)  # between two looks


def line() -> str:
    """Write what the kernel says, as line protocol."""
    return f'{METRIC},{TAG[0]}={TAG[1]} {FIELD}="{Clock().doubt}"\n'


if __name__ == "__main__":
    print(line(), end="")
