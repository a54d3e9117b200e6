"""RDM6300 card reader: it says the number of each 125 kHz card (EM4100) that is held near.

Source: RDM630/RDM6300 specification (data structure: 0x02, ten digits, checksum, 0x03; 9600 baud, 8N1).
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import xor

from ..configured import Channel, Stanza
from ..declare import Choice, Option, Quantity, Stream
from ..errors import BadAnswer, BadInput, together
from ..feed import Feed
from ..line import Wire
from ..reading import Reading, unreadable
from ._card_list import CardList

START, END = "\x02", "\x03"
FRAME = re.compile(r"([0-9A-F]{10})([0-9A-F]{2})\Z")
LONGEST = 28  # bytes: of twice as many as a card has, the beginning is none
TOLD_SECONDS = 30.0  # how long it is told that something came which can't be read; a card that is read ends it

CARD = Quantity("card", "", "Number of the card that was held near, ten digits 0-9, A-F", type="str")
KNOWN = Quantity(
    "known",
    "",
    "Whether the card is in the list of known ones",
    type="bool",
    choices=(Choice(False, "unknown card"), Choice(True, "known card")),
)
NAME = Quantity("name", "", "Whose card it is, by the list", type="str")


class RfidRdm6300(Feed):
    """Reads the cards that are held near an RDM6300.

    A card is told once, with the time at which it came. While it stays near, the reader repeats its number: that is held back until the
    card has been away for `repeat`.

    `cards` names a text file with the known cards, one a line: `0400A1B2C3 Anna`; `#` begins a comment. It is read anew whenever it changes.
    With it, each card is `known` or not, and `limits: {known: {critical: {alarm_when: [unknown card]}}}` makes an unknown one an alarm, which ends
    once a known card has been shown. A list that can't be read is told (`bad_list`), and the one before it holds.

    The number of a card points to a person. So the names in the list stay in it: none is stored, shown or sent, unless the channel says
    `names: true`. Who may see the database sees when which number came; give `influxdb` a retention that suits.
    """

    name = "rfid_rdm6300"
    title = "RDM6300 card reader"
    manual = "RDM630/RDM6300 specification"
    known_as = ("rfid", "rdm630", "em4100", "125khz", "card")
    verified = (
        "against frames of the specification, torn, garbled and repeated on a pseudo-terminal; an independent program (the "
        "Python package rdm6300 0.1.1) reads the simulator's cards as the same ones; not yet on hardware"
    )
    family = "access"
    schemes = ("serial", "tcp")
    extra = "serial"
    wire = Wire(
        b"",
        END.encode(),
        encoding="latin-1",
        serial={"baudrate": 9600, "bytesize": 8, "parity": "N"},
        longest=LONGEST,
    )
    rests = True
    channel_names = ("card",)
    streams = (Stream("rfid_rdm6300", (CARD, KNOWN, NAME), kind="event"),)
    options_known = (
        Option("repeat", "duration", "how long a card must have been away until it is told again", 3.0),
    )  # fmt: skip
    channel_options = (
        Option("cards", "str", "the file with the known cards, on the machine that reads them, such as /etc/labline/cards.txt"),
        Option("names", "bool", "store the names that the list has, too", False),
    )  # fmt: skip
    statuses = {
        "unreadable": "something came that is no card: a torn frame, a wrong checksum, noise",
        "bad_list": "the list of known cards can't be read; the program's log says why",
    }
    example = """\
name: door
driver: rfid_rdm6300
connection: serial:///dev/ttyUSB0
channels:
  card: {label: Card at the door}
"""

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        found = [CARD]
        if channel.options["cards"]:
            found += [KNOWN, NAME] if channel.options["names"] else [KNOWN]
        return tuple(found)

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        with together() as wrong:
            for channel in stanza.channels:
                path = channel.options["cards"]
                if path and not path.startswith("/"):
                    wrong.append(
                        BadInput(
                            f"found {path!r}, expected a path that begins with /", ("channels", channel.id, "cards")
                        )
                    )
                if channel.options["names"] and not path:
                    wrong.append(BadInput("needs the list that has them (cards)", ("channels", channel.id, "names")))

    def __init__(self, stanza: Stanza):
        super().__init__(stanza)
        (self._channel,) = stanza.channels
        path = self._channel.options["cards"]
        self._list = CardList(path) if path else None
        self._last: dict[str, float] = {}  # card -> when it was near last, in monotonic seconds
        self._told = "ok"  # the status that was told last

    def heard(self, line: str, arrived_ns: int) -> Iterator[Reading]:
        before, start, frame = line.rpartition(START)
        if before or not start:
            self._garbled = time.monotonic()
            yield unreadable(f"found {line[:40]!r}, expected a card alone")
        if not start:
            return
        card = self._checked(frame)
        self._garbled = float("-inf")
        if self._repeated(card):
            return
        self._told = self._status()
        yield Reading(self._channel.id, self._values(card), arrived_ns, self._told, self._detail())

    def look(self) -> Iterable[Reading]:
        yield from super().look()
        status = self._status()
        if status != "ok" or status != self._told:
            self._told = status
            yield Reading(self._channel.id, {}, time.time_ns(), status, self._detail())

    def _checked(self, frame: str) -> str:
        match = FRAME.match(frame)
        digits = bytes.fromhex(match[1]) if match else b""
        if not match or reduce(xor, digits) != int(match[2], 16):
            wrong = f"found {frame[:40]!r}, expected ten digits and their checksum"
            raise BadAnswer(f"{wrong}, which is {reduce(xor, digits):02X}" if match else wrong)
        return match[1]

    def _repeated(self, card: str) -> bool:
        """Tell whether a card has not been away; one that has is forgotten."""
        now, away = time.monotonic(), self.options["repeat"]
        self._last = {each: when for each, when in self._last.items() if now - when < away}
        near = card in self._last
        self._last[card] = now
        return near

    def _values(self, card: str) -> dict[str, str | bool | None]:
        values: dict[str, str | bool | None] = {"card": card}
        if self._list:
            self._list.look()
            values["known"] = self._list.knows(card)
            if self._channel.options["names"]:
                values["name"] = self._list.name(card)
        return values

    def _status(self) -> str:
        if self._list:
            self._list.look()
            if self._list.trouble:
                return "bad_list"
        return "unreadable" if time.monotonic() - self._garbled < TOLD_SECONDS else "ok"

    def _detail(self) -> str:
        return self._list.trouble if self._list else ""


DRIVER = RfidRdm6300

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
