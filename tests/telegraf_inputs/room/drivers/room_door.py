"""A door that does not exist: it tells how warm it is there, which lamps burn, and whose card opens it.

Source: this file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from ..configured import Channel
from ..declare import Choice, Quantity, Stream
from ..errors import BadAnswer
from ..feed import Feed
from ..line import Wire
from ..reading import Reading

LINE = re.compile(r"(\d{19}) (?:(lamp|card) )?(\w+) (\d\d\.\d|open|shut|granted|refused|FAIL)\Z")
AIR = Stream("room_air", (Quantity("temperature", "°C", "Temperature of the air", 0.0, 60.0, decimals=1),))
PASSAGE = Stream(
    "room_passage",
    (Quantity("open", "", "The door is open", type="bool", choices=(Choice(False, "shut"), Choice(True, "open"))),),
    tags={"way": "in or out"},
    kind="event",
)
STREAMS = {"air": AIR, "passage": PASSAGE}
LAMP = Stream("room_lamp", (Quantity("power", "W", "Power of the lamp", 0.0, 100.0, decimals=1),), discovered=True)
CARD = Stream("room_card", (Quantity("answer", "", "What the door said", type="str"),), kind="event", discovered=True)
FOUND = {"lamp": LAMP, "card": CARD}


class RoomDoor(Feed):
    """Reads what a door tells."""

    name = "room_door"
    title = "Door of the test's room"
    manual = "this file"
    family = "sensors"
    schemes = ("unix", "tcp")
    wire = Wire(b"\n", b"\n")
    timeout = 5.0
    channel_names = ("air", "passage")
    streams = (AIR, PASSAGE, LAMP, CARD)
    statuses = {**Feed.statuses, "failed": "the sensor has no reading"}
    example = """\
name: door
driver: room_door
connection: unix:///run/door.sock
channels:
  air: {label: Air at the door}
  passage: {label: Door}
"""

    @classmethod
    def stream_of(cls, channel: Channel) -> Stream:
        return STREAMS.get(channel.id, LAMP)

    def heard(self, line: str, arrived_ns: int) -> Iterator[Reading]:
        match = LINE.match(line)
        if not match:
            raise BadAnswer(f"found {line[:60]!r}, expected such as 1700000000000000000 air 21.5")
        time_ns, found, channel, said = match.groups()
        stream = FOUND[found].measurement if found else ""
        if said == "FAIL":
            yield Reading(channel, {}, int(time_ns), "failed", stream=stream)
        elif found == "lamp":
            yield Reading(channel, {"power": float(said)}, int(time_ns), stream=stream)
        elif found == "card":
            yield Reading(channel, {"answer": said}, int(time_ns), stream=stream)
        elif channel == "air":
            yield Reading(channel, {"temperature": float(said)}, int(time_ns))
        else:
            yield Reading(channel, {"open": said == "open"}, int(time_ns), tags={"way": "in"})


DRIVER = RoomDoor

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
