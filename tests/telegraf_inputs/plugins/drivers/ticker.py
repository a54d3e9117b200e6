"""A ticker: a source that speaks by itself, in lines with times of its own. For tests alone; found by LABLINE_PATH.

Source: this file. A line is ``<seconds since 1970> <channel> <value> <word>``, such as ``1700000000.250000000 tank 12.5 calm``.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator

from .. import transports
from ..configured import Channel, Stanza
from ..declare import Choice, Quantity, Stream
from ..errors import BadAnswer, NoAnswer, Stopped
from ..inbox import Inbox
from ..line import Wire
from ..reading import Reading
from ..source import Pushed, number
from ..stop import Stop
from ..url import Url

LINE = re.compile(r"(\d{1,10})\.(\d{9}) (\w+) (\S+) (\S+)\Z", re.ASCII)
OVER = "OVER"  # in the place of a value: it is beyond what can be measured
LISTEN_SECONDS = 60.0  # how long one wait for a line lasts; what it has of a line stays

LEVEL = Quantity("level", "%", "Level of the tank", 0.0, 100.0, decimals=2)
WORD = Quantity("word", "", "What is said beside the value", type="str")
OPEN = Quantity("open", "", "Whether the door is open", type="bool")
MODE = Quantity(
    "mode",
    "",
    "What the pump does",
    type="int",
    choices=(Choice(0, "off"), Choice(1, "on", "ok"), Choice(2, "dry", "critical")),
)
QUANTITIES = {"tank": (LEVEL, WORD), "spare": (LEVEL, WORD), "door": (OPEN, WORD), "pump": (MODE, WORD)}


class Ticker(Pushed):
    """Reads a ticker. What nothing has come of within the timeout is silent: a channel, or all of it."""

    name = "ticker"
    title = "Ticker of the tests"
    manual = "tests/telegraf_inputs/plugins/drivers/ticker.py"
    family = "sensors"
    extra = "serial"
    schemes = ("tcp", "serial")
    wire = Wire(b"\n", b"\n")
    interval = 1.0
    channel_names = tuple(QUANTITIES)
    streams = (Stream("ticker", (LEVEL, WORD, OPEN, MODE)),)
    statuses = {"over": "the value is beyond what can be measured", "silent": "nothing has come of it"}
    example = """\
name: ticks
driver: ticker
connection: tcp://192.168.1.7:4001
channels:
  tank: {label: Tank}
  spare: {label: Spare tank}
  door: {label: Door}
  pump: {label: Pump}
"""

    def __init__(self, stanza: Stanza):
        super().__init__(stanza)
        self._closing = Stop()
        self._thread: threading.Thread | None = None
        self._fault: Exception | None = None  # what ended the listening
        self._bad: BadAnswer | None = None  # the last line, where it was none

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        return QUANTITIES[channel.id]

    def open(self, url: Url, stop: Stop, inbox: Inbox) -> str:
        self._link = transports.of(url).open(url, self.wire, self.stanza.timeout, stop)
        self._link.stop = self._closing  # it is listened to until it is closed
        now = time.monotonic()
        self._heard = {channel.id: now for channel in self.channels}  # when something last came
        self._thread = threading.Thread(target=self._listen, args=(inbox,), daemon=True, name="ticker")
        self._thread.start()
        return ""

    def look(self) -> Iterator[Reading]:
        if self._fault is not None:
            raise self._fault
        since = time.monotonic() - self.stanza.timeout
        if all(heard < since for heard in self._heard.values()):
            raise self._bad or NoAnswer(f"nothing has come for {self.stanza.timeout:g} s")
        for channel, heard in self._heard.items():
            if heard < since:
                yield Reading(channel, {}, time.time_ns(), "silent")

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
            self._link.close()

    def _listen(self, inbox: Inbox) -> None:
        while True:
            try:
                inbox.put(self._read(self._link.receive(LISTEN_SECONDS)))
                self._bad = None
            except NoAnswer:
                continue
            except BadAnswer as error:
                self._bad = error
                inbox.refuse(str(error))
            except Stopped:
                return
            except Exception as error:  # the next look tells it, whatever it is
                self._fault = error
                return

    def _read(self, line: str) -> Reading:
        match = LINE.match(line)
        if not match:
            raise BadAnswer(f"found {line[:60]!r}, expected <seconds since 1970> <channel> <value> <word>")
        seconds, nanoseconds, channel, value, word = match.groups()
        time_ns = int(seconds) * 10**9 + int(nanoseconds)
        if channel in self._heard:
            self._heard[channel] = time.monotonic()
        quantity, *_ = QUANTITIES.get(channel, (LEVEL,))
        if value == OVER:
            return Reading(channel, {}, time_ns, "over")
        parsed = number(value) if quantity is LEVEL else int(number(value))
        return Reading(channel, {quantity.name: parsed, "word": word}, time_ns)


DRIVER = Ticker

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
