"""Plays the recorded cases: each is a folder, and a new one needs no code.

    cases/<driver>/<case>/config.yml      the stanza; its connection says over what the case is played (tcp or serial)
                          transcript      what is said on the wire, cycle by cycle
                          expected.lp     the points that come of it, without their times and without read_seconds
                          expected.log    optional: what the program tells on stderr meanwhile

A transcript is read from the top; ``\\r``, ``\\n``, ``\\x06`` stand for such bytes:

    > PRX             the driver sends this and its terminator       >> \\x05     exactly these bytes
    < 0,1.0000E-03    the instrument sends this and its terminator   << 0,1.00    exactly these bytes
    ~ 0,1.0000E-03    as <, but before the driver looks: it came between the cycles; ~~ exactly these bytes
    ! closed          the instrument closes the connection; it is back when the next cycle begins, or at once where more
                      stands in this one
    ---               the next cycle, one interval later (``--- 30s``: so much later; nobody really waits)
    # a comment

What is left over in a transcript, or is asked beyond it, fails. In a transcript without a question the instrument
speaks by itself, a line each time the driver waits for one. A feed (telegraf_inputs/feed.py) is opened in the first
cycle; what the others have has come before the driver looks.

What is read from files has transcripts of another form: files_form.py. A driver of neither kind has a
``cases/<driver>/form.py`` with a class ``Form``, which plays its cases; what is recorded of it are the words with which it
puts what it was told (``Inbox.put_said``), a line each.
"""

from __future__ import annotations

import fcntl
import importlib.util
import re
import shutil
import sys
import termios
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from telegraf_inputs import drivers, plugins, stanza, transports
from telegraf_inputs.feed import Feed
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.line import Line, Wire
from telegraf_inputs.reading import Reading
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url
from tests.parts import transcript
from tests.telegraf_inputs.files_form import Files

NOON = 1_700_000_000_000_000_000  # ns
CASES = Path(__file__).parent / "cases"
FOLDERS = [Path(folder) for folder in plugins.extended([str(CASES)], "cases")]
ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([rnt\\]))")
ESCAPED = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}
STEP = re.compile(r"(>>?|<<?|~~?|!) ?(.*)\Z")

UNESCAPED_SPACE = re.compile(r"(?<!\\) ")


class Transcript:
    """Plays the instrument's side of a transcript over a real socket or pty.

    A form of cases has: ``url`` (where the driver finds its instrument), ``pauses`` (seconds before each cycle),
    ``begin(cycle, instrument)`` and ``end(cycle)`` around each cycle (from 0; the latter lists what went otherwise than
    recorded), and ``close()``.
    """

    def __init__(self, folder: Path, checked: stanza.Stanza, tmp_path: Path):
        self._wire = checked.wire
        self.own_times = issubclass(checked.driver, Feed)
        self._heard = threading.Semaphore(0)  # lines of a feed that its driver has read
        self.pauses, said = transcript.cycles(folder, checked.interval)
        self._cycles = [[self._step(line) for line in lines] for lines in said]
        self.speaks_by_itself = not self.own_times and not any(
            kind == ">" for steps in self._cycles for kind, _ in steps
        )
        self._end = transports.load(checked.connection.scheme).end()
        self.url = self._end.url
        self._thread = threading.Thread()

    def _step(self, line: str) -> tuple[str, bytes]:
        match = STEP.match(line)
        assert match, f"this is no line of a transcript: {line!r}"
        kind, text = match[1], match[2]
        data = ESCAPE.sub(lambda m: ESCAPED[m[2]] if m[2] else bytes([int(m[1], 16)]), text.encode("latin-1"))
        if len(kind) == 1:
            data += self._wire.send if kind == ">" else self._wire.receive
        return kind[0], data

    def begin(self, cycle: int, instrument: Instrument) -> None:
        self._end.plug(True)
        steps = self._cycles[cycle]
        self._complaints: list[str] = []
        if self.own_times:
            self._feed(steps, instrument)
        early = b""
        while steps and steps[0][0] == "~":
            early += steps.pop(0)[1]
        self._end.send(early)
        while early and instrument.source and unread(instrument.source.link) < len(early):
            pass  # it is on its way through the kernel
        self._over = threading.Event()
        self._listening = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._play, args=(steps,), daemon=True)
        self._thread.start()

    def _feed(self, steps: list[tuple[str, bytes]], instrument: Instrument) -> None:
        """Let a feed that is open say what it says in this cycle, and its driver hear all of it."""
        if instrument.source is None:
            put_said = type(instrument.inbox).put_said

            def noticed(said: str, readings: Iterable[Reading]) -> None:
                put_said(instrument.inbox, said, readings)
                self._heard.release()

            instrument.inbox.put_said = noticed
            return
        while steps and steps[0][0] == "<":
            line = steps.pop(0)[1]
            self._end.send(line)
            if self._wire.receive in line and not self._heard.acquire(timeout=10):
                self._complaints.append(f"{line!r} was not heard")
        if steps and steps[0][0] == "!":
            steps.pop(0)
            self._end.plug(False)
            instrument.source._thread.join(10)

    def waits(self) -> None:
        """Note that the driver waits for a line that has not come."""
        self._listening.release()

    def end(self, cycle: int) -> list[str]:
        self._over.set()
        self._thread.join(10)
        left = self._cycles[cycle]
        if left:
            self._complaints.append(f"{len(left)} lines of the transcript are left over, the first: {left[0]}")
        return self._complaints

    def close(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._end.close()

    def _play(self, steps: list[tuple[str, bytes]]) -> None:
        received = b""
        while True:
            kind, data = steps[0] if steps else ("", b"")
            if kind == "<" and (not self.speaks_by_itself or self._listening.acquire(timeout=0.02)):
                while not self.speaks_by_itself and len(steps) > 1 and steps[1][0] == "<":
                    steps.pop(0)
                    data += steps[0][1]  # what stands together comes together
                self._end.send(data)
            elif kind == "!" and len(steps) > 1:
                self._end.hang_up()
            elif kind == "!":
                self._end.plug(False)
            elif kind == ">" and received.startswith(data):
                received = received[len(data) :]
            else:
                over = self._over.is_set()
                arrived = self._end.receive(0.02)
                received = b"" if arrived is None else received + arrived
                if not data.startswith(received) and not received.startswith(data):
                    self._complaints.append(f"asked {received!r}, but the transcript says {kind} {data!r}")
                    return
                if not steps and received:
                    self._complaints.append(f"asked beyond the transcript: {received!r}")
                    return
                if over and not arrived:
                    return
                continue
            steps.pop(0)


def unread(line: Line) -> int:
    """Tell how many bytes the kernel holds for a line."""
    return int.from_bytes(fcntl.ioctl(line._fileno(), termios.FIONREAD, bytes(4)), sys.byteorder)


def form_of(driver: str):
    """Find what plays a driver's cases: its own form, files, or transcripts."""
    path = next((path for folder in FOLDERS if (path := folder / driver / "form.py").exists()), None)
    if path is None:
        return Files if drivers.load(driver).schemes == ("file",) else Transcript
    spec = importlib.util.spec_from_file_location(f"cases_{driver}_form", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Form


def play(folder: Path, tmp_path: Path, monkeypatch) -> tuple[str, str, list[str]]:
    """Play one case; returns the points and the log as text, and what went otherwise than recorded."""
    checked = stanza.load(str(folder / "config.yml"))
    form = form_of(checked.driver.name)(folder, checked, tmp_path)
    query = checked.connection.text.partition("?")[2]
    checked.connection = Url(f"{form.url}?{query}" if query else form.url)
    place = form.url.partition(":")[2].removeprefix("//")
    clock = Clock(monkeypatch)
    quicken(checked.wire, monkeypatch)
    tell_waits(form, monkeypatch)

    text: list[str] = []
    log: list[str] = []
    complaints: list[str] = []
    told = set()
    instrument = Instrument(checked, Stop(), lambda level, line: log.append(f"{level}! {line}\n"))
    try:
        for cycle, pause in enumerate(form.pauses):
            clock.passed += pause
            title = f"# cycle {cycle + 1}\n"
            form.begin(cycle, instrument)
            log.append(title)
            began = time.time_ns()
            points = instrument.sample()
            ended = time.time_ns()
            wrong = form.end(cycle)
            text.append(title)
            for point in points:
                point.values.pop("read_seconds", None)
                line, moment = point.line().rsplit(" ", 1)
                text.append(f"{line}\n")
                key = UNESCAPED_SPACE.split(line)[0], moment
                if not began <= int(moment) <= ended and not getattr(form, "own_times", False):
                    wrong.append(f"the time of this point is not of this cycle: {line}")
                if key in told:
                    wrong.append(f"a second point of the same time, which would replace the first: {line}")
                told.add(key)
            complaints += [f"cycle {cycle + 1}: {what}" for what in wrong]
    finally:
        instrument.close()
        form.close()
    return "".join(text), "".join(log).replace(place, "…"), complaints


class Clock:
    """Lets time pass without waiting: what reads the time reads ``passed`` seconds more."""

    def __init__(self, monkeypatch):
        self.passed = 0.0
        monotonic, time_ns = time.monotonic, time.time_ns
        monkeypatch.setattr(time, "monotonic", lambda: monotonic() + self.passed)
        monkeypatch.setattr(time, "time_ns", lambda: time_ns() + round(self.passed * 1e9))


def quicken(wire: Wire, monkeypatch) -> None:
    """Spare a transcript the rest that instruments need."""
    monkeypatch.setattr(wire, "pause", 0.0)
    monkeypatch.setattr(wire, "settle", 0.0)


def tell_waits(form, monkeypatch) -> None:
    """Tell an instrument that speaks by itself when the driver waits for a line that has not come."""
    receive = Line.receive

    def noticed(line, timeout=None):
        if line.wire.receive not in line._buffer and not unread(line):
            form.waits()
        return receive(line, timeout)

    if isinstance(form, Transcript) and form.speaks_by_itself:
        monkeypatch.setattr(Line, "receive", noticed)


def cases(driver: str = "*") -> list[Path]:
    return sorted(config.parent for folder in FOLDERS for config in folder.glob(f"{driver}/*/config.yml"))


@pytest.mark.parametrize("folder", cases(), ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_case_comes_out_as_recorded(folder, tmp_path, monkeypatch):
    text, log, complaints = play(folder, tmp_path, monkeypatch)
    assert complaints == []
    assert text == (folder / "expected.lp").read_text(encoding="utf-8")
    if (folder / "expected.log").exists():
        assert log == (folder / "expected.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("driver", drivers.programs())
def test_every_driver_has_cases(driver):
    assert len(cases(driver)) >= 2, (
        f"each driver needs two recorded cases or more in {CASES / driver}, or in your own folder"
    )


LAST_QUESTION = "> PNR\n<< \\x06\\r\\n\n>> \\x05\n<< 302-510-C\\r\\n\n"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda text: text.replace("> PRX", "> PR1", 1), "asked b'PRX\\r', but the transcript says > b'PR1\\r'"),
        (lambda text: text.removesuffix(LAST_QUESTION), "cycle 3: asked beyond the transcript: b'PNR\\r'"),
        (
            lambda text: text + LAST_QUESTION,
            "cycle 3: 4 lines of the transcript are left over, the first: ('>', b'PNR\\r')",
        ),
        (lambda text: text + "< 302-510-C\n---\n", "cycle 4: asked beyond the transcript: b'PRX\\r'"),
    ],
    ids=["another question", "a question more", "a question less", "a cycle more"],
)
def test_what_goes_otherwise_than_recorded_is_noticed(change, complaint, tmp_path, monkeypatch):
    folder = tmp_path / "two_gauges"
    shutil.copytree(CASES / "pfeiffer_tpg" / "two_gauges", folder)
    (folder / "config.yml").write_text((folder / "config.yml").read_text() + "timeout: 200ms\n")
    (folder / "transcript").write_text(change((folder / "transcript").read_text()))
    text, _, complaints = play(folder, tmp_path, monkeypatch)
    assert any(complaint in told for told in complaints), complaints
    assert text != (folder / "expected.lp").read_text() or "left over" in complaint


def test_a_time_that_is_not_of_the_cycle_is_noticed(tmp_path, monkeypatch):
    make = Reading.__init__
    monkeypatch.setattr(Reading, "__init__", lambda reading, *parts: make(reading, *parts[:2], NOON, *parts[3:]))
    _, _, complaints = play(CASES / "pfeiffer_tpg" / "two_gauges", tmp_path, monkeypatch)
    assert sum("the time of this point is not of this cycle" in told for told in complaints) >= 2
