"""Agents of OCS, the Observatory Control System, which publish what they read on a WAMP bus.

Sources: OCS documentation, "Feeds" and "Agents" (ocs.readthedocs.io); WAMP v2 (wamp-proto.org).
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from .. import declared
from ..configured import Channel, Stanza
from ..declare import Choice, Option, Quantity, Stream
from ..declared import Declared
from ..errors import BadAnswer, BadInput, NoAnswer, noted, shown, together
from ..feed import Feed
from ..inbox import Inbox
from ..line import Line, Wire
from ..passwords import password
from ..reading import Reading, unreadable
from ..stop import Stop
from ..url import Url
from . import _wamp
from ._ocs_messages import HEARTBEAT, feed_of, samples

BEATS_SECONDS = 15.0  # an agent's heart beats each second; without one for so long it is gone
ADDRESS = "observatory"
STATES = (
    Choice(1, "not run yet"),
    Choice(2, "starting"),
    Choice(3, "running", "ok"),
    Choice(4, "stopping"),
    Choice(5, "ended well"),
    Choice(6, "failed", "critical"),
    Choice(7, "its state is not known", "warning"),
    Choice(8, "degraded", "warning"),
)
FEED_TAG = {"feed": "the agent's feed"}
NUMBERS = Stream(
    "ocs_feed", (Quantity("value", "", "Value of a field, in the agent's unit"),), FEED_TAG, discovered=True
)
TEXTS = Stream("ocs_text", (Quantity("text", "", "Text of a field", type="str"),), FEED_TAG, discovered=True)
STATE = Quantity("state", "", "What the agent's operation does", type="int", choices=STATES)
OPERATIONS = Stream("ocs_agent", (STATE,), discovered=True)
READ = Option(
    "read", "map", "what is read: quantity: its field, its unit …; default: the field that is called as the channel"
)
WHERE = (
    Option("field", "str", "the field's name in the agent's data, such as Channel_05_T; default: the channel's name"),
    Option("feed", "str", "the feed that it is in, where several have a field of this name"),
)


class OcsFeed(Feed):
    """Reads what one agent of OCS publishes: every sample of its blocks, each with its own time.

    Of the feeds, those are read that the agent marks as recorded. Fields that no channel names are found in the data: numbers in measurement `ocs_feed`, truths among them as 1 and 0,
    texts in `ocs_text`, in the agent's unit, which a feed does not tell. Name them as channels, to have a unit and limits.

    The agent's own state is the instrument's: its heart beats each second, and where that stops it is gone, whatever
    the router says; where it beats and no data come within `timeout`, it only looks alive. What its operations do is
    in measurement `ocs_agent`: one that failed is told.
    """

    name = "ocs_feed"
    title = "Agents of OCS, the Observatory Control System, on a WAMP bus"
    manual = "OCS documentation, Feeds and Agents"
    known_as = ("ocs", "socs", "wamp", "crossbar", "simons observatory", "observatory control system")
    verified = "against independent programs: a crossbar router with TLS and tickets, and OCS' own FakeDataAgent; not yet on hardware"
    family = "protocol"
    schemes = ("ws", "wss")
    extra = "ocs"
    wire = Wire(b"\n", b"\n", encoding="utf-8")
    timeout = 30.0
    interval = 10.0
    channel_names = None
    streams = (NUMBERS, TEXTS, OPERATIONS)
    where = WHERE
    options_known = (
        Option("agent", "str", "the agent's instance-id, such as fake-data1", required=True),
        Option("realm", "str", "the router's realm", "test_realm"),
        Option("address", "str", "what all agents' addresses begin with (address_root)", ADDRESS),
        Option("feeds", "list", "the feeds to read, where not all of them"),
        Option("user", "str", "the user (authid), where the router wants a ticket"),
        Option("password_file", "str", "the file that holds the ticket"),
    )
    channel_options = (READ,)
    statuses = {
        **Feed.statuses,
        "no_reading": "the agent says that there is no value: NaN or null",
        "wrong_type": "the field's value is of another type than the declared one",
    }
    example = """\
name: thermometry
driver: ocs_feed
connection: ws://192.168.1.10:8001/ws
agent: LSA22YE
realm: test_realm
channels:
  stage:
    label: 100 mK stage
    read:
      temperature: {field: Channel_05_T, unit: K, description: Temperature}
      resistance: {field: Channel_05_R, unit: Ω, description: Resistance of the sensor}
  shield:
    label: 4 K shield
    read:
      temperature: {field: Channel_01_T, unit: K, description: Temperature}
"""

    @classmethod
    def stream_of(cls, channel: Channel) -> Stream:
        if channel.options["read"] is None:
            return NUMBERS
        return Stream(NUMBERS.measurement, tuple(each.quantity for each in cls.declared(channel).values()), FEED_TAG)

    @classmethod
    def declared(cls, channel: Channel) -> dict[str, Declared]:
        """Tell what a channel's ``read`` declares; without one, its one number. Raises BadInput."""
        if channel.options.get("read") is None:
            return {"value": Declared(NUMBERS.quantities[0], 1.0, {"field": None, "feed": None})}
        return declared.read(channel.options["read"], cls.where)

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        seen: dict[tuple[str, str], str] = {}
        options = stanza.options
        with together() as wrong:
            for name in ("agent", "address", "realm"):
                if not options[name] or not options[name].isprintable() or set(options[name]) & set(" #"):
                    wrong.append(BadInput(f"found {shown(options[name])}, expected a name without spaces", (name,)))
            if not all(isinstance(each, str) and each for each in options["feeds"] or ()):
                wrong.append(BadInput("expected the names of feeds, such as [temperatures]", ("feeds",)))
            if bool(options["user"]) != bool(options["password_file"]):
                missing = "password_file" if options["user"] else "user"
                wrong.append(BadInput("is missing; a ticket needs both user and password_file", (missing,)))
            for channel in stanza.channels:
                for name, each in cls.declared(channel).items():
                    with noted(wrong, "channels", channel.id, "read", name):
                        key = each.where["feed"] or "", each.where["field"] or channel.id
                        if key in seen:
                            raise BadInput(f"reads the same field as {seen[key]}", ("field",))
                        seen[key] = f"{name!r} of channel {channel.id!r}"

    @classmethod
    def places(cls, stanza: Stanza) -> tuple[()]:
        return ()  # a router has room for many

    def __init__(self, stanza: Stanza):
        super().__init__(stanza)
        self._data = self._beat = 0.0  # when a sample, and a heartbeat, last came
        self._states: dict[str, int] = {}  # what the operations do
        self._told: dict[str, float] = {}  # when that was last said
        self._inbox: Inbox | None = None
        self._ids = {channel.id for channel in self.channels}
        # (feed or "", field) -> (channel, quantity's name, what it declares)
        self._named: dict[tuple[str, str], tuple[str, str, Declared]] = {}
        for channel in self.channels:
            for name, each in self.declared(channel).items():
                self._named[each.where["feed"] or "", each.where["field"] or channel.id] = channel.id, name, each

    def open(self, url: Url, stop: Stop, inbox: Inbox) -> str:
        self._inbox, self._data, self._beat = inbox, time.monotonic(), 0.0
        self._states, self._told = {}, {}
        return super().open(url, stop, inbox)

    def hello(self, link: Line) -> str:
        options = self.options
        _wamp.join(link, options["realm"], options["user"] or "", password(options["password_file"]))
        place = f"{options['address']}.{options['agent']}.feeds."
        wanted = [HEARTBEAT, *options["feeds"]] if options["feeds"] else []
        early = (
            [text for name in wanted for text in _wamp.subscribe(link, place + name)]
            if wanted
            else _wamp.subscribe(link, place, True)
        )
        for text in early:
            self._put(text, time.time_ns())
        return f"agent {options['agent']}"

    def look(self) -> Iterator[Reading]:
        now, agent = time.monotonic(), self.options["agent"]
        if self._fault is None and self._beat and now - self._beat > BEATS_SECONDS:
            raise NoAnswer(f"agent {agent!r} is gone: its heart has not beaten for {now - self._beat:.0f} s")
        if self._fault is None and self._error is None and now - self._data > self.stanza.timeout:
            quiet = f"no data have come for {now - self._data:.0f} s"
            if not self._beat:
                raise NoAnswer(f"{quiet}; does agent {agent!r} run, and is that its instance-id?")
            doing = ", ".join(f"{name} {_state(code)}" for name, code in sorted(self._states.items()))
            raise NoAnswer(f"agent {agent!r} lives, but {quiet} (its operations: {doing or 'none'})")
        yield from super().look()

    def heard(self, line: str, arrived_ns: int) -> Iterable[Reading]:
        found = _wamp.event(line)
        if found is None:
            return []
        feed, message, recorded = feed_of(found[1])
        if feed == HEARTBEAT:
            return self._beats(message, arrived_ns)
        if not recorded or self.options["feeds"] and feed not in self.options["feeds"]:
            return []  # a feed that is not recorded may say whatever it likes
        readings = [reading for each in samples(message) for reading in self._read(feed, each)]
        if any(reading.channel for reading in readings):
            self._data = time.monotonic()
        return readings

    def _put(self, text: str, arrived_ns: int) -> None:
        assert self._inbox is not None
        try:
            self._inbox.put_said(text, self.heard(text, arrived_ns))
        except BadAnswer as error:
            self._inbox.put_said(text, [unreadable(str(error))])

    def _beats(self, message: dict[str, Any], arrived_ns: int) -> Iterator[Reading]:
        """Take a heartbeat: the state of each operation, told when it changes, and once an interval."""
        self._beat = now = time.monotonic()
        for operation, code in message.items():
            if type(code) is not int:
                yield unreadable(f"found {str(code)[:40]!r} in a heartbeat, expected a state of {operation!r}")
                continue
            if self._states.get(operation) == code and now - self._told[operation] < self.stanza.interval:
                continue
            self._states[operation], self._told[operation] = code, now
            yield Reading(operation, {"state": code}, arrived_ns, stream=OPERATIONS.measurement)

    def _read(self, feed: str, sample: Any) -> Iterator[Reading]:
        """Make the readings of one sample: those of a channel are one."""
        if isinstance(sample, BadAnswer):
            yield unreadable(f"feed {feed!r}: {sample}")
            return
        named: dict[str, Reading] = {}
        for field, value in sample.values.items():
            place = self._named.get((feed, field)) or self._named.get(("", field))
            if place is None and field in self._ids:
                yield unreadable(
                    f"field {field!r} is called as a channel that reads another one; name it as a channel, too"
                )
                continue
            if place is None:
                yield _found(feed, field, value, sample.time_ns)
                continue
            channel, name, each = place
            reading = named.setdefault(channel, Reading(channel, {}, sample.time_ns, tags={"feed": feed}))
            typed, status = _typed(value, each)
            if typed is not None:
                reading.values = {**reading.values, name: typed}
            if status != "ok":
                reading.status, reading.detail = status, f"{field} is {str(value)[:40]!r}"
        yield from named.values()


def _found(feed: str, field: str, value: Any, time_ns: int) -> Reading:
    """Make the reading of a field that no channel names."""
    tags = {"feed": feed}
    if isinstance(value, str):
        return Reading(field, {"text": value}, time_ns, tags=tags, stream=TEXTS.measurement)
    status = "ok" if _is_number(value) else "no_reading" if value is None or isinstance(value, float) else "wrong_type"
    values = {"value": float(value)} if status == "ok" else {}
    return Reading(field, values, time_ns, status, tags=tags, stream=NUMBERS.measurement)


def _typed(value: Any, declared: Declared) -> tuple[Any, str]:
    """Make of a value what is declared; returns it (None for none) and the status."""
    kind = declared.quantity.type
    if value is None or isinstance(value, float) and not math.isfinite(value):
        return None, "no_reading"
    if kind == "str" and isinstance(value, str):
        return value, "ok"
    if kind == "bool" and value in (0, 1):
        return bool(value), "ok"
    if kind == "float" and _is_number(value):
        return float(value) * declared.scale, "ok"
    if kind == "int" and _is_number(value) and value == int(value):
        return int(value), "ok"
    return None, "wrong_type"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= sys.float_info.max


def _state(code: int) -> str:
    choice = STATE.choice(code)
    return choice.word if choice else str(code)


DRIVER = OcsFeed

if __name__ == "__main__":
    from ..execd import main

    sys.exit(main(DRIVER))
