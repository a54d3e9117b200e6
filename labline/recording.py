"""Records what an instrument and its driver say to each other, as a case that the tests play back.

A case is a folder of three files; tests/telegraf_inputs/test_cases.py says how they are written.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from provisioning import telegraf_config
from provisioning.site import SiteInstrument
from telegraf_inputs import duration, transports
from telegraf_inputs.errors import BadInput
from telegraf_inputs.feed import Feed
from telegraf_inputs.inbox import Inbox
from telegraf_inputs.instrument import Instrument
from telegraf_inputs.line import Wire
from telegraf_inputs.point import Point
from telegraf_inputs.reading import Reading
from telegraf_inputs.source import Polled, Pushed
from telegraf_inputs.transports.file import WRITES
from telegraf_inputs.url import Url

Said = tuple[str, bytes]  # as a Line's tap is told
FILES = "file"  # the scheme of what is read from files
WITHIN_WORDS = ("ok", "degraded", "clock", "disconnected")  # states that come of what is said, or of that all is gone
SAME_PACE = 0.2  # of an interval: two cycles that are as near to it as that are one interval apart


class Recorder:
    """Writes down a dialogue cycle by cycle: ``begin``, the instrument's ``sample``, ``end``; then ``write``.

    The instrument has to be given its ``tap`` and its ``inbox``.
    """

    def __init__(self, folder: Path, instrument: SiteInstrument):
        self._folder, self._instrument = folder, instrument
        driver = instrument.stanza.driver
        channels = instrument.stanza.channels
        in_words = issubclass(driver, Pushed) and any(driver.in_words(channel) for channel in channels)
        self._words = InboxOfWords([channel.id for channel in channels]) if in_words else None
        self.inbox = self._words or HeldInbox()
        self._thread = threading.get_ident()
        self._cycles: list[list[Said]] = []
        self._began: list[float] = []  # when each cycle did, in monotonic seconds
        self._expected: list[str] = []
        self._closed = False  # a feed was, by the other side
        self._messages = False  # what was received are whole messages, whose end is no byte

    def check(self, connection: Url) -> None:
        """Refuse (BadInput) what can't be recorded, before anything is asked at this ``connection``."""
        if self._folder.exists():
            raise BadInput(f"{self._folder} is there already; a case needs a new folder")
        driver = self._instrument.stanza.driver
        if self._words:
            unsaid = [c.id for c in self._instrument.stanza.channels if not driver.in_words(c)]
            if unsaid:
                raise BadInput(
                    f"what is said of {', '.join(unsaid)} does not tell all that is read of it; record the other channels "
                    "alone"
                )
            return
        if connection.scheme == FILES and issubclass(driver, Polled):
            return
        way = transports.of(connection)
        asked = issubclass(driver, Polled) and (way.carries_text or way.tells_dialogue)
        if not asked and not issubclass(driver, Feed):
            raise BadInput(
                f"there is no dialogue to record: driver {driver.name!r} neither speaks over a line of text, or in words, nor "
                "reads files"
            )

    def tap(self, direction: str, data: bytes) -> None:
        """Take down what is said."""
        if self._words:
            return  # it comes by the inbox
        if threading.get_ident() == self._thread:
            self._cycles[-1].append((direction, data))
        elif direction == "!":  # what a feed says comes by the inbox, line by line
            self._closed = True

    def begin(self) -> None:
        """Begin a cycle; what a feed has said since the last one belongs to it."""
        wire = self._instrument.stanza.wire
        said = [("<", line.encode(wire.encoding, "replace") + wire.receive) for line in self.inbox.release()]
        self._cycles.append([*said, ("!", b"")] if self._closed else [*said])
        self._closed = False
        self._began.append(time.monotonic())

    def end(self, instrument: Instrument, points: Iterable[Point]) -> bool:
        """Take down what came of the cycle; False where nothing was said in it, which can't be played."""
        if self._words:
            self._cycles[-1] = [("<", said.encode()) for said in self._words.told]
            if instrument.source is None or instrument.state not in WITHIN_WORDS:
                self._drop()
                return False
        self._messages = self._messages or getattr(getattr(instrument.source, "link", None), "whole_messages", False)
        if instrument.url.scheme == FILES and not Path(instrument.url.rest).is_dir():
            self._cycles[-1].append((">", b"."))  # nobody answers: the folder of all is gone
        if instrument.source is None:
            self.inbox.release()  # what a feed said while it was let go has no place in what can be played
            instrument.inbox.take()
            if not self._cycles[-1]:
                self._drop()
                return False
        self._expected.append(f"# cycle {len(self._cycles)}\n{''.join(map(_timeless, points))}")
        return True

    def write(self, connection: Url) -> int:
        """Write the case, whole or not at all; returns how many cycles it has. Raises BadInput.

        ``connection`` is where the instrument was, though it be a simulator's.
        """
        if len(self._expected) < len(self._cycles):
            self._drop()
        if not any(self._cycles):
            raise BadInput(f"nothing was said; {self._folder} is not written")
        files = {
            "config.yml": telegraf_config.program(self._instrument, str(connection)).removeprefix(
                telegraf_config.HEADER
            ),
            "transcript": "".join(f"{line}\n" for line in self._transcript(connection.scheme == FILES)),
            "expected.lp": "".join(self._expected),
        }
        self._check_secrets(files)
        new = self._folder.with_name(f".{self._folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        try:
            for name, text in files.items():
                (new / name).write_text(text, encoding="utf-8")
            new.rename(self._folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        return len(self._cycles)

    def _drop(self) -> None:
        """Forget a cycle that broke off."""
        self._cycles.pop()
        self._began.pop()

    def _check_secrets(self, files: dict[str, str]) -> None:
        for name, value in self._instrument.stanza.options.items():
            if name.endswith("password_file") and value and Path(value).is_file():
                password = Path(value).read_text(encoding="utf-8").strip()
                if password and any(password in text for text in files.values()):
                    raise BadInput(f"the password in {value} was said; {self._folder} is not written")

    def _transcript(self, of_files: bool = False) -> Iterator[str]:
        stanza = self._instrument.stanza
        for number, events in enumerate(self._cycles):
            if number:
                pause = self._began[number] - self._began[number - 1]
                regular = abs(pause - stanza.interval) < SAME_PACE * stanza.interval
                yield "---" if regular else f"--- {duration.exact(round(pause, 2))}"
            if self._words:
                yield from (said.decode() for _, said in events)
                continue
            if of_files:
                yield from _files(events)
                continue
            if self._messages:
                end = stanza.wire.receive
                events = [(d, data.rstrip(b"\r\n") + end if d == "<" else data) for d, data in events]
            yield from _lines(events, stanza.wire)


class HeldInbox(Inbox):
    """Holds back what a feed says until it is asked for, so that it is known to which cycle it belongs."""

    def __init__(self) -> None:
        super().__init__()
        self._held: list[tuple[str, list[Reading]]] = []

    def put_said(self, said: str, readings: Iterable[Reading]) -> None:
        self._held.append((said, list(readings)))

    def release(self) -> list[str]:
        """Let go of what came since the last time; returns the lines that were said."""
        held = self._held[:]
        del self._held[: len(held)]
        for _, readings in held:
            super().put_said("", readings)
        return [said for said, _ in held if said]


class InboxOfWords(HeldInbox):
    """Holds back what a source says in words: a cycle has what was said before it began, behind what its look finds.

    Several threads say it at once: in each cycle it is in the order of the ``channels``. The first cycle has of each of
    them all until its first reading.
    """

    def __init__(self, channels: Sequence[str]):
        super().__init__()
        self._channels = list(channels)
        self._cycle = self._takes = 0
        self._due = 0  # how much of what is held belongs to this cycle
        self.told: list[str] = []  # in this cycle

    def release(self) -> list[str]:
        self._cycle += 1
        self._takes, self.told = 0, []
        return []

    def take(self) -> list[Reading]:
        self._takes += 1
        if self._takes == 1:  # right before the look, which sees what was said
            self._due = len(self._held)
        if self._takes == 2:
            due = self._first() if self._cycle == 1 else self._until(self._due)
            self.told = [said for said, _ in due if said]
            for reading in sorted((reading for _, readings in due for reading in readings), key=self._place):
                self.put(reading)
        return super().take()

    def _until(self, count: int) -> list[tuple[str, list[Reading]]]:
        due = self._held[:count]
        del self._held[:count]
        return due

    def _first(self) -> list[tuple[str, list[Reading]]]:
        due: list[tuple[str, list[Reading]]] = []
        later: list[tuple[str, list[Reading]]] = []
        read: set[str] = set()
        for said, readings in self._until(len(self._held)):
            channel = said.partition(" ")[0]
            (later if channel in read else due).append((said, readings))
            read |= {channel} if readings else set()
        self._held[:0] = later
        return due

    def _place(self, reading: Reading) -> int:
        return self._channels.index(reading.channel) if reading.channel in self._channels else len(self._channels)


def _timeless(point: Point) -> str:
    """Write a point without what is another each time."""
    point.values.pop("read_seconds", None)
    return f"{point.line().rsplit(' ', 1)[0]}\n"


def _files(events: Sequence[Said]) -> Iterator[str]:
    """Write which files were asked for in one cycle, and what was in each; those that could not be read are gone.

    What a driver writes into is how it asks, and answers otherwise each time: that is left out, and not there when it is played.
    """
    asked = [name.decode() for direction, name in events if direction == ">"]
    written = {name.partition(WRITES)[0] for name in asked if WRITES in name}
    for (direction, name), (answered, text) in pairwise([*events, ("", b"")]):
        file = name.decode(errors="replace").partition(WRITES)[0]
        if direction != ">" or file in written:
            continue
        if answered != "<":
            yield f"{file} gone"
            continue
        yield file
        for line in text.decode(errors="replace").splitlines(keepends=True):
            yield f"  {line[:-1]}" if line.endswith("\n") else f"  {line}\\"


def _lines(events: Iterable[Said], wire: Wire) -> Iterator[str]:
    """Write the lines of one cycle. What was thrown away before anything was asked came before the driver looked."""
    received, early = b"", b""
    asked = False
    for direction, data in events:
        if direction == "<" or direction == "~" and asked:
            received += data
            continue
        if direction == "~":
            early += data
            continue
        yield from _said("~", early, wire.receive)
        yield from _said("<", received, wire.receive)
        received = early = b""
        asked = True
        yield from _said(">", data, wire.send) if direction == ">" else ["! closed"]
    yield from _said("~", early, wire.receive)
    yield from _said("<", received, wire.receive)


def _said(kind: str, data: bytes, end: bytes) -> Iterator[str]:
    """Write what was said in one direction: whole lines without their end, and what is unfinished exactly."""
    *whole, rest = data.split(end) if end else [data]
    for line in whole:
        yield f"{kind} {_shown(line)}".rstrip()
    if rest:
        yield f"{2 * kind} {_shown(rest)}"


def _shown(data: bytes) -> str:
    """Write bytes so that every one of them can be read, a blank at the end too."""
    text = "".join(_shown_byte(byte) for byte in data)
    return f"{text[:-1]}\\x20" if text.endswith(" ") else text


def _shown_byte(byte: int) -> str:
    named = {0x0D: "\\r", 0x0A: "\\n", 0x09: "\\t", 0x5C: "\\\\"}
    return named.get(byte) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}")
