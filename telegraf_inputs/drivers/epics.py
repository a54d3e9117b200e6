"""Process variables of EPICS: power supplies of CAEN, PLCs, motors, whatever an IOC serves by channel access.

Source: Channel Access Protocol Specification, EPICS documentation (docs.epics-controls.org).
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .. import declared
from ..configured import Channel, Stanza
from ..declare import Option, Stream
from ..errors import BadInput, Disconnected, NoAnswer, Stopped, noted, shown, together
from ..inbox import Inbox
from ..reading import Reading
from ..source import Pushed
from ..stop import Stop
from ..url import Url

if TYPE_CHECKING:
    from ._epics_client import EpicsClient
    from ._epics_variable import ProcessVariable

LOOK_SECONDS = 0.01  # between two looks at whether all have spoken
FIRST_SECONDS = 2.0  # that those that are there are not held up by those that are not
NAMED = 5  # PVs, in a sentence about more
RENEW_SECONDS = 2.0  # between two clients, where one has ended
PLACE = "{channel}"
READ = Option("read", "map", "what is read: quantity: its PV, its unit …", required=True)
WHERE = (
    Option("pv", "str", "the process variable; {channel} in it stands for the channel's name, and `prefix` comes before it", required=True),
    Option("ioc_unit", "str", "the unit as the record has it (EGU), where it is another text; with `scale`, where it is another unit"),
)  # fmt: skip


class Epics(Pushed):
    """Reads process variables by channel access: each change, with the time and the alarm that the IOC gives it.

    What does not change is asked for, where nothing came of it for `timeout`, and stored with the time of the answer:
    so it is known to hold. INVALID is no reading; MINOR and MAJOR are the channel's status. A code (mbbi, bi) is its word
    with `type: str`, its number with `type: int`. Units are compared with those of the records (EGU): another one is no
    reading. Decimals are shown as the stanza says; where records say others (PREC), that is logged. Arrays are not read, and nothing is ever written.

    A PV that is not there is `not_found`, and the others are read. What is gone is looked for until it is back.
    """

    name = "epics"
    title = "EPICS process variables, by channel access"
    manual = "Channel Access Protocol Specification"
    known_as = ("caen", "sy4527", "sy5527", "sy1527", "ioc", "channel access", "caproto", "pyepics", "softioc")
    verified = "against an independent program: an IOC of EPICS base 7, with alarms, codes, units, restarts; not yet on hardware"
    family = "protocol"
    schemes = ("ca",)
    timeout = 5.0
    interval = 10.0
    extra = "epics"
    reopen = False  # caproto connects anew by itself
    streams = (Stream("epics"),)
    channel_names = None
    where = WHERE
    channel_options = (
        READ,
        Option("prefix", "str", "what its PVs' names begin with, such as cleanroom:15:003:"),
    )
    statuses = {
        "minor: …": "the record is in alarm, MINOR; what is wrong with it follows, such as high",
        "major: …": "the record is in alarm, MAJOR; what is wrong with it follows, such as hihi",
        "invalid: …": "the record says that it has no value (INVALID); why, follows: udf was never processed",
        "not_found": "no IOC has answered for this PV",
        "disconnected": "the IOC that had this PV is gone",
        "silent": "nothing has come of it within the timeout, nor was it answered when it was asked for",
        "array": "the PV is an array, which is not read",
        "wrong_type": "the PV's type can't be the declared one",
        "wrong_unit": "the record's unit (EGU) is another one than the stanza's",
        "refused": "the IOC does not let us read it",
    }
    example = """\
name: supplies
driver: epics
connection: ca://192.168.1.20
channels:
  hv03:
    label: High voltage 3
    prefix: "cleanroom:15:003:"
    read:
      voltage: {pv: VMon, unit: V, low: 0, high: 1000, decimals: 1, description: Voltage}
      current: {pv: IMon, unit: µA, low: 0, high: 1000, decimals: 2, description: Current}
      power: {pv: Pw, unit: "", type: str, choices: {"Off": {word: switched off}, "On": {word: switched on, severity: ok}}, description: Output}
      state: {pv: Status, unit: "", type: int, choices: {0: "off", 1: {word: "on", severity: ok}, 3: {word: ramping up, severity: ok}, 5: {word: ramping down, severity: ok}}, description: State of the channel}
  lv00:
    label: Low voltage 0
    prefix: "cleanroom:00:000:"
    read:
      voltage: {pv: VMon, unit: V, low: 0, high: 15, decimals: 3, description: Voltage}
      output: {pv: Status, unit: "", type: int, choices: {0: "off", 1: {word: "on", severity: ok}}, description: State of the channel}
"""

    @classmethod
    def stream_of(cls, channel: Channel) -> Stream:
        return Stream(cls.name, tuple(each.quantity for each in cls.declared(channel).values()))

    @classmethod
    def declared(cls, channel: Channel) -> dict[str, declared.Declared]:
        """Tell what a channel's ``read`` declares. Raises BadInput."""
        return declared.read(channel.options["read"], cls.where)

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        seen: dict[str, str] = {}
        with together() as wrong:
            for channel in stanza.channels:
                for quantity, each in cls.declared(channel).items():
                    with noted(wrong, "channels", channel.id, "read", quantity, "pv"):
                        name = variable_name(channel, each.where["pv"])
                        if not name.isprintable() or not name or set(name) & set(" \"'\\,{}"):
                            raise BadInput(f"found {shown(name)}, expected a PV's name, such as cleanroom:15:003:VMon")
                        if name in seen:
                            raise BadInput(f"reads the same PV as {seen[name]}; let {PLACE} stand in it, or set prefix")
                        seen[name] = f"{quantity!r} of channel {channel.id!r}"

    @classmethod
    def places(cls, stanza: Stanza) -> tuple[()]:
        return ()  # an IOC has room for many

    def __init__(self, stanza: Stanza):
        super().__init__(stanza)
        self._client: EpicsClient | None = None
        self._began = 0.0  # when that was made
        self._fault: Exception | None = None  # in a callback
        self._closed = False
        self._compared: set[str] = set()  # PVs whose decimals were told to be others
        self._variables: dict[str, list[ProcessVariable]] = {}  # by channel

    def open(self, url: Url, stop: Stop, inbox: Inbox) -> str:
        """Look for the PVs, and wait a little for those that are there: others may come."""
        from ._epics_variable import ProcessVariable

        self._url, self._stop, self._inbox = url, stop, inbox
        for channel in self.channels:
            self._variables[channel.id] = [
                ProcessVariable(
                    variable_name(channel, each.where["pv"]),
                    channel.id,
                    each,
                    self.stanza.timeout,
                    self._tell,
                    self._blame,
                )
                for each in self.declared(channel).values()
            ]
        self._begin()
        until = time.monotonic() + min(FIRST_SECONDS, self.stanza.timeout)
        while time.monotonic() < until and not all(each.alive for each in self._all):
            if stop.wait(LOOK_SECONDS):
                raise Stopped
        return ""

    @property
    def _all(self) -> list[ProcessVariable]:
        return [each for variables in self._variables.values() for each in variables]

    def _begin(self) -> None:
        """Have a client look for the PVs. Raises Disconnected."""
        from ._epics_client import EpicsClient

        self._began = time.monotonic()
        self._client = EpicsClient(_addresses(self._url, self.stanza.timeout, self._stop))
        pvs = self._client.get_pvs(*(each.name for each in self._all), timeout=self.stanza.timeout)
        for variable, pv in zip(self._all, pvs, strict=True):
            variable.watch(pv)

    def look(self) -> Iterator[Reading]:
        """Yield what is missing or silent; ask for what says nothing. Raises Disconnected or NoAnswer where all is."""
        from ._epics_variable import GONE, combined

        if (fault := self._fault) is not None:
            self._fault = None
            self._renew()
            raise fault
        self._find()
        self._compare_decimals()
        for each in self._all:
            each.ask()
        if all(each.status == "silent" for each in self._all if each.connected):
            raise NoAnswer("its PVs are there, but nothing is said, nor answered when they are asked for")
        for variables in self._variables.values():
            if gone := [each for each in variables if each.status in GONE]:
                yield combined(gone[0], gone[1:], {}, time.time_ns())

    def _compare_decimals(self) -> None:
        """Note which records say other decimals than the stanza, by which they are shown."""
        others = [each for each in self._all if each.other_decimals is not None and each.name not in self._compared]
        if not others:
            return
        self._compared.update(each.name for each in others)
        said = [f"{each.name} {each.other_decimals} ({_decimals(each.declared)})" for each in others[:NAMED]]
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        self.note(f"decimals by the record (PREC): {', '.join(said)}{more}; shown is what `decimals` says")

    def close(self) -> None:
        self._closed = True
        self._end()

    def _end(self) -> None:
        if self._client is not None:  # which may wait for a server
            threading.Thread(target=self._client.disconnect, daemon=True, name="epics closing").start()

    def _renew(self) -> None:
        """Begin anew with another client, not too often. Raises Disconnected."""
        if time.monotonic() > self._began + RENEW_SECONDS:
            self._end()
            self._begin()

    def _find(self) -> None:
        """Look after the client. Raises Disconnected or NoAnswer where no PV is there."""
        assert self._client is not None
        searcher = self._client.searcher
        if fault := self._client.fault:
            self._renew()
            raise Disconnected(fault)
        searched = {name for name, *_ in list(searcher.unanswered_searches.values())}
        if lost := [(each.name, 0) for each in self._all if each.forgotten and each.name not in searched]:
            self._client.reconnect(lost)
        if any(each.alive for each in self._all):
            return
        if any(each.connected for each in self._all):
            for each in self._all:
                each.ask()
            raise NoAnswer("its PVs are there, but nothing is said of them")
        searcher.search_now()  # else it waits ever longer
        if any(each.status == "disconnected" for each in self._all):
            raise Disconnected(f"{self._url}: the IOC is gone{searcher.trouble and f' ({searcher.trouble})'}")
        raise Disconnected(
            f"{self._url}: no IOC answers for {self._all[0].name}, nor for any other PV; do the names, the address and "
            f"the network (by UDP and TCP) fit? {searcher.trouble}".strip()
        )

    def _tell(self, variable: ProcessVariable, values: dict[str, Any], stamp_ns: int, holds: bool) -> None:
        """Pass on what came of a PV; what only holds, and is old, has the time at which that is known."""
        from ._epics_variable import combined

        if self._closed:
            return
        if self.tap is not None:
            told = ", ".join(f"{value!r}" for value in values.values()) or "no value"
            self.tap("<", f"{variable.name} {told} {variable.status} at {stamp_ns / 1e9:.6f}".encode())
        now = time.time_ns()
        old = stamp_ns < now - self.stanza.interval * 1e9
        others = self._variables[variable.channel]
        self._inbox.put(combined(variable, others, values, now if not stamp_ns or holds and old else stamp_ns))

    def _blame(self, error: Exception) -> None:
        self._fault = error


def variable_name(channel: Channel, pv: str) -> str:
    """Tell the name of a PV of a channel."""
    return f"{channel.options['prefix'] or ''}{pv}".replace(PLACE, channel.id)


def _decimals(declared: declared.Declared) -> str:
    decimals = declared.quantity.decimals
    return "the stanza: none" if decimals is None else f"the stanza: {decimals}"


def _addresses(url: Url, timeout: float, stop: Stop) -> list[tuple[str, int]] | None:
    """Look up where PVs are searched for; None: where EPICS' environment says. Raises Disconnected, Stopped."""
    import socket

    from ..lookup import addresses
    from ..transports.ca import target

    place = target(url)
    if place is None:
        return None
    try:
        found = [each[4][:2] for each in addresses(*place, timeout, stop) if each[0] == socket.AF_INET]
    except OSError as error:
        raise Disconnected(f"{url}: {error.strerror or error}") from None
    if not found:
        raise Disconnected(f"{url}: has no IPv4 address, by which channel access looks for its servers")
    return found


DRIVER = Epics

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
