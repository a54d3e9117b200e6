"""Several readings in one cycle: each keeps its own time, every fault is told, and what has no place is counted."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from labline import ledger as ledgers
from provisioning import site as sites
from provisioning.influxdb_server import Server
from telegraf_inputs import drivers, errors, ledger, point_maker
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.clock import Clock
from telegraf_inputs.declare import Quantity, Stream
from telegraf_inputs.inbox import Inbox
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.reading import Reading
from telegraf_inputs.sampler import Sampler
from telegraf_inputs.source import Polled, Pushed
from telegraf_inputs.stop import Stop
from telegraf_inputs.writer import Writer

NOON = 1_700_000_000_000_000_000
LONG = 20  # seconds after which what should have happened never will
STREAMS = (Stream("talk", (Quantity("voltage", "V", "Voltage", 0.0, 10.0), Quantity("tag", "", "Tag", type="str"))),)


class Link:
    """A link to nothing."""

    def discard(self, quiet: float = 0.0) -> int:
        return 0

    def close(self) -> None:
        pass


class Asked(Polled):
    """Yields in each cycle what the test's script says; an exception in it is raised where it stands."""

    name, title, schemes, streams, channel_names = "talk", "talk", ("file",), STREAMS, ("a", "b")
    cycles: list[list[Any]] = []
    in_step: list[Any] = []

    @classmethod
    def open_link(cls, url, stanza, stop):
        return Link()

    def identify(self):
        return ""

    def verify(self):
        if self.in_step:
            raise self.in_step.pop(0)

    def read(self):
        for step in self.cycles.pop(0) if self.cycles else []:
            if isinstance(step, Exception):
                raise step
            yield step


class Speaking(Pushed):
    """Speaks when the test does."""

    name, title, schemes, streams, channel_names = "talk", "talk", ("file",), STREAMS, ("a", "b")
    inbox: Inbox

    def open(self, url, stop, inbox):
        Speaking.inbox = inbox
        return ""

    def close(self):
        pass


def reading(channel: str = "a", status: str = "ok", when: int = NOON, **values: Any) -> Reading:
    return Reading(channel, values, when, status)


@pytest.fixture
def make(monkeypatch) -> Callable[..., Instrument]:
    """Make an instrument of a source; ``said`` is what it logs."""

    def make(kind, *cycles, in_step=()) -> Instrument:
        monkeypatch.setattr(drivers, "load", lambda name: kind)
        Asked.cycles, Asked.in_step = list(cycles), list(in_step)
        said: list[str] = []
        stanza = stanzas.check({"name": "box", "driver": "talk", "connection": "file:///"})
        made = Instrument(stanza, Stop(), lambda level, text: said.append(f"{level} {text}"))
        made.said = said
        return made

    return make


def test_a_fault_that_is_over_within_the_cycle_is_told_all_the_same(make):
    """``over_range``, then ``ok``: the cycle was not well, though its last reading is."""
    made = make(Asked, [reading(status="over_range"), reading(when=NOON + 1, voltage=2.0)], [reading(when=NOON + 2)])
    first, second, own = made.sample()
    assert [first.values["status"], second.values["status"]] == ["over_range", "ok"]
    assert (own.values["state"], own.values["errors"]) == ("degraded", 1)
    assert made.said == ["W degraded: a: over_range"]
    assert not made.well
    assert made.sample()[-1].values["state"] == "ok"
    assert made.said[1:] == ["I ok again"]


def test_every_faulty_reading_is_counted(make):
    made = make(Asked, [reading(status="off", when=NOON + n) for n in range(3)])
    assert made.sample()[-1].values["errors"] == 3


def test_a_reading_of_a_channel_that_is_not_there_is_counted_and_told_once(make):
    strange = [reading("z", voltage=1.0, tag="x"), reading(voltage=2.0)]
    made = make(Asked, strange, [reading("z", voltage=1.0), reading(when=NOON + 1, voltage=2.0)])
    for discarded in (2, 3):  # values
        a, own = made.sample()
        assert a.tags["channel"] == "a" and own.values["state"] == "ok"
        assert (own.values["discarded"], own.values["readings"]) == (discarded, discarded - 1)
    assert [line for line in made.said if "'z'" in line] == [
        "W a reading of channel 'z' came, which the stanza does not name; it is not stored"
    ]


@pytest.mark.parametrize("fault", [ValueError("a fault"), KeyError("x"), OSError("gone")])
def test_a_fault_of_the_driver_leaves_what_was_read_before_it(make, fault):
    made = make(Asked, [reading(voltage=1.0), reading("b", voltage=2.0), fault])
    a, b, own = made.sample()
    assert (a.values["voltage"], b.values["voltage"]) == (1.0, 2.0)
    assert (own.values["state"], own.values["readings"], own.values["discarded"]) == ("failed", 2, 0)
    assert "fault in driver 'talk'" in made.detail and made.errors == 1


@pytest.mark.parametrize("late", [errors.OutOfStep("late"), errors.Disconnected("gone"), errors.NoAnswer("hush")])
def test_what_was_read_is_discarded_and_counted_where_it_was_not_in_step(make, late):
    """Whether a driver's own fault came too."""
    for broken in ([], [ValueError("a fault")]):
        made = make(Asked, [reading(voltage=1.0, tag="x"), reading("b", voltage=2.0), *broken], in_step=[late])
        (own,) = made.sample()
        assert (own.values["state"], own.values["readings"], own.values["discarded"]) == (late.state, 0, 3)


def test_what_a_driver_disowns_is_discarded_and_counted(make):
    made = make(Asked, [reading(voltage=1.0, tag="x"), errors.BadAnswer("the unit was changed")])
    (own,) = made.sample()
    assert (own.values["state"], own.values["discarded"]) == ("garbled", 2)


def test_two_readings_of_one_channel_with_one_time_are_two_points(make):
    """In the database they would be one; the second is moved by a nanosecond. The same one again is a repetition."""
    made = make(Asked, [reading(voltage=1.0), reading(voltage=2.0), reading(voltage=1.0), reading("b", voltage=1.0)])
    *points, own = made.sample()
    assert [(p.tags["channel"], p.timestamp - NOON, p.values["voltage"]) for p in points] == [
        ("a", 0, 1.0),
        ("a", 1, 2.0),
        ("b", 0, 1.0),
    ]
    assert (own.values["readings"], own.values["discarded"]) == (3, 1)


def test_a_repetition_in_a_later_cycle_is_counted_too(make):
    made = make(Asked, [reading(voltage=1.0)], [reading(voltage=1.0)], [reading(voltage=3.0)])
    assert [len(made.sample()) for _ in range(3)] == [2, 1, 2]
    assert (made.readings, made.discarded) == (2, 1)


def test_events_between_two_cycles_keep_their_times(make):
    made = make(Speaking)
    made.sample()
    for n in range(5):
        Speaking.inbox.put(reading("ab"[n % 2], when=NOON + 1000 * n, tag=f"t{n}"))
    assert select.select([made.inbox], [], [], 0)[0], "who waits for the next cycle is woken"
    points = made.collect()
    assert [(p.timestamp, p.values["tag"]) for p in points] == [(NOON + 1000 * n, f"t{n}") for n in range(5)]
    assert not select.select([made.inbox], [], [], 0)[0] and made.collect() == []
    assert made.sample()[-1].values["readings"] == 5


def test_an_event_is_printed_at_once(make, tmp_path):
    """Not at the end of the interval, which is an hour."""
    made = make(Speaking)
    stanza = made.stanza
    stanza.interval = 3600.0
    stop, lines = Stop(), tmp_path / "lines"
    with lines.open("wb") as out:
        writer = Writer(out.fileno(), stop.set)
        sampler = Sampler(stanza, stop, writer, lambda level, text: None, count=None, trace=False, broke=stop.set)
        sampler.start()

        def until(wanted: str) -> None:
            end = time.monotonic() + LONG
            while wanted not in lines.read_text():
                assert time.monotonic() < end, lines.read_text()
                threading.Event().wait(0.005)

        until('state="ok"')
        for n in range(3):
            Speaking.inbox.put(reading(when=NOON + n, tag=f"event{n}"))
            until(f'tag="event{n}",status="ok" {NOON + n}\n')
        stop.set()
        sampler.join()
        writer.finish(1.0)
    assert lines.read_text().count("instrument,") == 1, "events came while no cycle was due"


SITE = """\
site: counted
nodes: [{{name: here}}]
influxdb: {{database: {database}}}
instruments:
  - {{name: box, driver: lakeshore_372, connection: "sim:", channels: {{"1": }}}}
"""


def test_what_happened_before_the_run_is_found_where_it_was_written(database, influxd, make, monkeypatch, tmp_path):
    """A logger that hands over its backlog: its times are of yesterday, and nothing of it is lost."""
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION 30d REPLICATION 1 DEFAULT')
    (tmp_path / "site.yml").write_text(SITE.format(database=database.name))
    folder = tmp_path / "ledger"
    folder.mkdir()
    monkeypatch.setenv(ledger.VARIABLE, str(folder))
    site = sites.load(tmp_path / "site.yml")
    now = time.time_ns()
    yesterday = now - 86_400 * 10**9
    kind = drivers.load("lakeshore_372")
    old = [Reading("1", {"temperature": 1.0 + n, "resistance": 1e3}, yesterday + n * 10**9) for n in range(4)]

    monkeypatch.setattr(Asked, "streams", kind.streams)
    monkeypatch.setattr(Asked, "channel_names", ("1",))
    made = make(Asked, old[2:], old[:2])  # the newest first
    with (tmp_path / "lines").open("wb") as out:
        writer = Writer(out.fileno(), lambda: None)
        count = ledger.Ledger(made, writer, lambda level, text: None)
        points = [point for _ in range(2) for point in made.sample() if point.measurement != "instrument"]
        count.note(last=True)
    assert len(points) == 4
    database.write("".join(p.line().replace(",", ",site=counted,", 1) for p in points[:3]), "raw")
    server = Server(database.url, database.reader, database.reader_password)
    (entry,) = ledgers.take(ledgers.Run.of(site, now), folder, server)
    assert (entry.made, entry.written, entry.lost) == (8, 6, 2)
    database.write(points[3].line().replace(",", ",site=counted,", 1), "raw")
    (entry,) = ledgers.take(ledgers.Run.of(site, now), folder, server)
    assert (entry.made, entry.written, entry.lost) == (8, 8, 0)


def test_of_many_series_those_that_speak_are_remembered(monkeypatch):
    """What a source says again is one point, however many other series have spoken at one time or another."""
    monkeypatch.setattr(point_maker, "MOST_SERIES", 2)
    stanza = stanzas.check({"name": "box", "driver": "lakeshore_372", "connection": "sim:"})
    maker = point_maker.PointMaker(stanza, Clock())
    repeated = []
    for number, n in ((1, 1), (2, 1), (1, 2), (3, 1), (1, 1), (2, 1)):
        channel = stanza.channels[number]
        repeated.append(maker.make(Reading(channel.id, {"temperature": float(n)}, NOON + n), channel)[1])
    assert repeated == [False, False, False, False, True, False]
