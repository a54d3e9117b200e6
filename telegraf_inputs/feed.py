"""Feeds of lines: sources that speak by themselves, in text, over any transport that carries it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable

from . import transports
from .configured import Stanza
from .errors import BadAnswer, NoAnswer, OutOfStep, Stopped
from .inbox import Inbox
from .line import Line
from .reading import Reading, unreadable
from .source import Pushed
from .stop import Stop
from .url import Url

LISTEN_SECONDS = 3600.0  # how long one wait for a line lasts; how long silence may last is looked after elsewhere


class Feed(Pushed):
    """Listens to lines that come by themselves. A subclass defines ``heard``, and ``hello`` where it has to ask for them.

    What says nothing for ``timeout`` is silent, a channel or all of it; with ``rests`` it may be still as long as it
    likes. All that is silent is opened anew: a subscription may be lost without a word.
    """

    statuses = {"silent": "nothing has come of it within the timeout"}
    link: Line | None = None

    def __init__(self, stanza: Stanza):
        super().__init__(stanza)
        self._thread: threading.Thread | None = None
        self._closing = Stop()
        self._heard = time.monotonic()  # when something last came
        self._heard_of: dict[str, float] = {}  # channel that is missed -> when something last came of it
        self._error: BadAnswer | None = None  # what was wrong with the last line
        self._garbled = float("-inf")  # when something last came that can't be read
        self._fault: Exception | None = None  # what ended the listening

    def hello(self, link: Line) -> str:
        """Subscribe, or ask who is there, before anything is heard; returns who is there ("" where it does not tell)."""
        return ""

    def heard(self, line: str, arrived_ns: int) -> Iterable[Reading]:
        """Read one line: what it says of which channel, and when: by its own time, or that at which it arrived.

        Raises BadAnswer where it says nothing.
        """
        raise NotImplementedError

    def open(self, url: Url, stop: Stop, inbox: Inbox) -> str:
        self.link = transports.of(url).open(url, self.stanza.wire, self.stanza.timeout, stop)
        self.link.tap = self.tap
        who = self.hello(self.link)
        self.link.unasked()
        self.link.stop = self._closing
        self._heard = time.monotonic()
        samples = (channel for channel in self.channels if channel.stream.kind == "sample")
        self._heard_of = {channel.id: self._heard for channel in samples}
        self._thread = threading.Thread(
            target=self._listen, args=(self.link, inbox), daemon=True, name=f"feed {self.stanza.name}"
        )
        self._thread.start()
        return who

    def look(self) -> Iterable[Reading]:
        if self._fault is not None:
            raise self._fault
        if self.rests:
            return
        since = time.monotonic() - self.stanza.timeout
        if self._heard < since:
            raise self._error or NoAnswer(f"nothing has come for {self.stanza.timeout:g} s")
        for name, heard in self._heard_of.items():
            if heard < since:
                yield Reading(name, {}, time.time_ns(), "silent")

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
        if self.link is not None:
            self.link.close()
        self._closing.close()

    def _listen(self, link: Line, inbox: Inbox) -> None:
        try:
            while True:
                self._hear(link, inbox)
        except Stopped:
            pass
        except Exception as error:  # it is told by the next look, whatever it is
            self._fault = error

    def _hear(self, link: Line, inbox: Inbox) -> None:
        line = ""
        try:
            line = link.receive(LISTEN_SECONDS)
            readings = list(self.heard(line, link.answered_ns))
        except NoAnswer:
            return
        except BadAnswer as error:
            if not line:  # it has no end
                with contextlib.suppress(OutOfStep):  # it may go on for as long as it likes
                    link.discard()
            self._error, self._garbled = error, time.monotonic()
            inbox.put_said(line, [unreadable(str(error))])
            return
        self._error, self._heard = None, time.monotonic()
        for reading in readings:
            if reading.channel in self._heard_of:
                self._heard_of[reading.channel] = self._heard
        inbox.put_said(line, readings)
