"""A kiln that does not exist: it is asked for temperatures and for what it does.

Source: this file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from ..configured import Channel
from ..declare import PINNED, Choice, Probe, Quantity, Stream
from ..errors import BadAnswer, WrongDevice
from ..line import Line, Wire
from ..reading import Reading
from ..source import Polled, number

NUMBER = re.compile(r"\d{3}\.\d\Z")
FOUND = "ROOM_KILN_FOUND"  # of the environment: what find() finds, for the test of a scan


class RoomKiln(Polled):
    """Reads a kiln."""

    name = "room_kiln"
    title = "Kiln of the test's room"
    manual = "this file"
    family = "temperature"
    schemes = ("unix", "tcp")
    wire = Wire(b"\n", b"\n")
    channel_names = ("top", "bottom", "program")
    streams = (
        Stream(
            "room_kiln",
            (
                Quantity("temperature", "°C", "Temperature of the sensor", 0.0, 999.0, decimals=1),
                Quantity(
                    "step",
                    "",
                    "What it does",
                    type="int",
                    choices=(Choice(1, "heats", "ok"), Choice(2, "cools"), Choice(9, "door open", "critical")),
                ),
            ),
        ),
    )
    statuses = {"over_range": "hotter than can be measured"}
    options_known = (PINNED,)
    probes = (Probe((b"WHO",)),)
    example = """\
name: kiln
driver: room_kiln
connection: unix:///run/kiln.sock
channels:
  top: {label: Top}
  bottom: {label: Bottom}
  program: {label: Program}
"""
    link: Line

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        temperature, step = cls.streams[0].quantities
        return (step,) if channel.id == "program" else (temperature,)

    @classmethod
    def find(cls) -> Iterator[str]:
        import os

        if url := os.environ.get(FOUND):
            yield cls.example.replace("unix:///run/kiln.sock", url).replace("name: kiln", "name: kiln_here")

    def identify(self) -> str:
        answer = self.link.query("WHO")
        if not answer.startswith("KILN "):
            if answer.isalpha():
                raise WrongDevice(f"this is {answer!r}, expected a kiln")
            raise BadAnswer(f"asked WHO, found {answer[:60]!r}, expected such as KILN 7")
        return answer

    def read_channel(self, channel: Channel) -> Reading:
        answer = self.link.query(f"GET {channel.id}")
        if answer == "OVER":
            return Reading(channel.id, {}, self.link.answered_ns, "over_range")
        if channel.id == "program":
            if answer not in ("S1", "S2", "S9"):
                raise BadAnswer(f"asked GET program, found {answer[:60]!r}, expected S1, S2 or S9")
            return Reading(channel.id, {"step": int(answer[1])}, self.link.answered_ns)
        return Reading(channel.id, {"temperature": number(answer, NUMBER, f"GET {channel.id}")}, self.link.answered_ns)


DRIVER = RoomKiln

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
