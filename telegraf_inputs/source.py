"""What a source of data is: it declares how it is reached, its channels and its quantities; then it reads.

A Polled source is asked, and answers. A Pushed one speaks by itself. A Native one is read by an input of Telegraf's
own. All else (opening, back-off, timeouts, late answers, calibration, status, the contract with Telegraf) is done once,
below them, by instrument.py and execd.py.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

from .configured import Channel, Stanza
from .declare import Action, Option, Probe, Quantity, Stream
from .errors import BadAnswer, InstrumentError, NoAnswer, OutOfStep
from .example import with_keys
from .inbox import Inbox
from .line import Tap, Wire
from .reading import Reading
from .stop import Stop
from .url import Url


class Source:
    """Declares one kind of instrument. ``streams`` has at least one; the first is that of a channel that says nothing else."""

    name = ""  # also the module's name, and what `driver` says in a stanza
    title = ""  # as the maker writes it
    manual = ""  # the source: manual, edition, chapter
    known_as: tuple[str, ...] = ()  # makers, models and other words under which somebody may look for it, in lower case
    family = ""  # what it measures, one word: a place in the documentation
    schemes: tuple[str, ...] = ("tcp", "serial")  # empty: there is no connection
    wire = Wire()
    timeout = 2.0  # seconds for one answer
    interval = 10.0  # seconds between cycles, where the stanza says nothing
    turn = (
        0.0  # seconds for which a well channel may have no reading, where an instrument dwells on one after the other
    )
    streams: tuple[Stream, ...] = ()
    channel_names: tuple[str, ...] | None = ()  # None: the stanza names them
    options_known: tuple[Option, ...] = ()
    channel_options: tuple[Option, ...] = ()
    where: tuple[Option, ...] = ()  # keys of a quantity, where the stanza declares them: where it is read
    actions: tuple[Action, ...] = ()
    statuses: Mapping[str, str] = {}  # what a channel's status can say beside COMMON_STATUSES -> what that means
    extra = ""  # the extra of the distribution that it needs (serial, visa, phidget); "" for none
    example = ""  # a stanza that works, in YAML, for documentation and ``labline scan``
    beside = ""  # a stanza, in YAML, that a site has beside the example, where that needs one
    finds = False  # the stanza may say, as channel `*`, what channels deliver that are found in the data
    servers = ""  # the scheme of servers at which a scan may be told to look (find_at)
    probes: tuple[Probe, ...] = ()  # how a scan may ask for it; empty: it can't be asked
    verified = ""  # how it was tried: manual, recorded replies, an independent program, hardware
    # How it is known to be alive: by its program's own report, or because points of it come.
    alive_by: ClassVar[Literal["report", "points"]] = "report"

    @classmethod
    def speaks_text(cls) -> bool:
        """Tell whether it speaks over a line of text, of which a stanza may say how it is to be written."""
        from . import transports

        return any(transports.load(scheme).carries_text for scheme in cls.schemes)

    # What the stanza alone decides. Overridden where an option changes what there is (scpi, phidget).
    @classmethod
    def reader(cls, stanza: Stanza) -> type[Source]:
        """Tell the class that reads it: this one, or another of its name where the stanza decides who speaks first."""
        return cls

    @classmethod
    def stream_of(cls, channel: Channel) -> Stream:
        """Tell the stream that one channel's readings belong to.

        Of a driver that finds channels in the data the stanza may name any: raises BadInput for one that can't be.
        """
        return cls.streams[0]

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        """Tell the quantities that one channel delivers, without those of its calibration."""
        return cls.stream_of(channel).quantities

    @classmethod
    def channel_names_of(cls, options: Mapping[str, Any]) -> tuple[str, ...] | None:
        """Tell the channels that there are with these options; None where the stanza names them."""
        return cls.channel_names

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        """Refuse (BadInput with its path) what the declarations can't express, all of it ``together``."""

    @classmethod
    def places(cls, stanza: Stanza) -> Iterable[tuple[str, tuple[str, ...]]]:
        """Tell what serves one instrument or channel only (a port, a sensor), each with the path of the key that names it."""
        return [(place, ("connection",)) for place in (stanza.place(),) if place]

    @classmethod
    def folders(cls, stanza: Stanza) -> Iterable[str]:
        """Name the folders of this machine that its program writes into, beside what it remembers."""
        return ()

    @classmethod
    def apart(cls, data: Mapping[str, Any], folder: str) -> dict[str, Any]:
        """Give the stanza with which it is simulated: what it writes into folders, here or elsewhere, lies in ``folder``."""
        return dict(data)

    @classmethod
    def find(cls) -> Iterable[str]:
        """List stanzas (YAML) of what this machine has that can be found without asking on a line."""
        return ()

    @classmethod
    def find_at(cls, servers: Sequence[Url]) -> Iterable[str]:
        """List stanzas (YAML) of what these servers have, whose URLs are of the scheme ``servers``.

        As ``find`` it may raise BadInput, ImportError and OSError: then a scan tells that nothing was looked at.
        """
        return ()

    @classmethod
    def found(cls, url: str, identity: str, keys: Mapping[str, str]) -> str:
        """Write the stanza (YAML) of what answered a probe at ``url`` as ``identity``; ``keys`` are the probe's."""
        return with_keys(cls.example, connection=url, **{key: value for key, value in keys.items() if value})

    def __init__(self, stanza: Stanza):
        self.stanza = stanza
        self.channels, self.options = stanza.channels, stanza.options
        self.notes: dict[str, str] = {}  # what is to be told of it, once -> with what was found

    def note(self, what: str, found: str = "") -> None:
        """Have something told of this instrument, once, however often it connects; ``found`` stands before it."""
        self.notes[what] = f"{found}{what}"


class Polled(Source):
    """Reads an instrument that is asked. A subclass defines ``identify`` and ``read_channel`` (or ``read``).

    ``self.channels`` are the stanza's channels, in order; ``self.options`` the instrument's options; ``self.link`` is the
    way to it, which is opened anew after every fault.
    """

    link: Any
    contacts = 3  # how often it is asked who is there: the first contact after power-up often fails (Lake Shore 240)

    def __init__(self, stanza: Stanza, link: Any):
        super().__init__(stanza)
        self.link = link

    @classmethod
    def open_link(cls, url: Url, stanza: Stanza, stop: Stop) -> Any:
        """Open the way to the instrument: a Line, or what a driver without text has instead (``close``, ``discard``)."""
        from . import transports

        return transports.of(url).open(url, stanza.wire, stanza.timeout, stop)

    def connected(self) -> None:
        """Prepare the instrument, and forget what was known of it; called after each successful ``identify``."""

    def identify(self) -> str:
        """Ask who is there; also the check after each cycle that question and answer are still in step.

        Returns the same text each time. Raises BadAnswer where the answer is no identification, WrongDevice where it
        is that of another device. A driver whose transport can't be out of step (files) returns "".
        """
        raise NotImplementedError

    def read(self) -> Iterable[Reading]:
        """Yield a Reading for each channel with something new. One channel without an answer does not spoil the others."""
        for channel in self.channels:
            reading = self.contained(channel.id, partial(self.read_channel, channel))
            if reading is not None:
                yield reading

    def contained(self, channel: str, ask: Callable[[], Reading | None]) -> Reading | None:
        """Ask for one channel; a question that is not answered, or oddly, is this channel's fault alone.

        Raises OutOfStep where something late was on its way, and whatever says that the instrument is gone.
        """
        try:
            return ask()
        except OutOfStep:
            raise
        except (NoAnswer, BadAnswer) as error:
            self.recover(error)
            status = "no_answer" if isinstance(error, NoAnswer) else "bad_answer"
            return Reading(channel, {}, time.time_ns(), status, str(error))

    def read_channel(self, channel: Channel) -> Reading:
        """Ask for all quantities of one channel. Raises NoAnswer or BadAnswer where it can't be read."""
        raise NotImplementedError

    def query(self, question: str) -> str:
        """Ask one question as this instrument wants it; returns its answer. Raises NoAnswer, BadAnswer, OutOfStep."""
        return str(self.link.query(question))

    def optional(self, question: str, fits: Callable[[str], object], otherwise: str, attempts: int = 1) -> str | None:
        """Ask what not every model knows; ``fits`` tells whether an answer is one.

        None where, at each of the ``attempts``, there is none, it is refused or odd: ``otherwise``, what is then taken
        for granted, is noted. Raises OutOfStep where something late was on its way.
        """
        found = ""
        for _ in range(attempts):
            try:
                answer = self.query(question)
                if fits(answer):
                    return answer
                raise BadAnswer(f"asked {question}, found {answer.strip()[:40]!r}")
            except OutOfStep:
                raise
            except (NoAnswer, BadAnswer) as error:
                self.recover(error)
                found = str(error)
        self.note(otherwise, f"{found}: ")
        return None

    def recover(self, error: InstrumentError) -> None:
        """Get back into step after a failed question, or raise: OutOfStep where something late was on its way.

        After an answer that was whole, but odd, nothing need be waited for: what comes late is no identity.
        """
        self.link.discard()  # the beginning of an answer that broke off is not late
        whole = isinstance(error, BadAnswer) and self.stanza.identity
        if not whole and self.link.discard(quiet=min(0.2, self.stanza.timeout)):
            raise OutOfStep(f"{error}; a late answer followed") from None
        self.verify()

    def verify(self) -> None:
        """Check that the instrument answers the question that was asked last."""
        expected = self.stanza.identity
        if not expected:
            return
        self.link.refuse_surplus()
        if (found := self.identify()) != expected:
            raise OutOfStep(f"asked for its identity, {expected!r}, it answered {found!r}: answers come late")
        self.link.in_step = True


class Pushed(Source):
    """Takes what a source says by itself. A subclass defines ``open``, ``look`` and ``close``.

    It is opened once: a library that connects anew by itself is left to do so. Only where ``open`` or ``look`` raises
    with ``reopen`` set is it closed, and opened anew.
    """

    reopen = True  # after a fault, close it and open it anew; False: what it uses connects anew by itself
    rests = False  # it may be still for as long as it likes; else, after silence, it is well once it speaks again
    waits = False  # what it has to say is kept where it is until it is asked for: nothing of it is ever dropped
    tap: Tap | None = None  # is told what is said; where that is no text, in words for it

    @classmethod
    def in_words(cls, channel: Channel) -> bool:
        """Tell whether what is said of a channel is put in words (``put_said``), from which all its readings follow.

        Then it can be recorded, though it is no text; its cases have a form of their own.
        """
        return False

    def open(self, url: Url, stop: Stop, inbox: Inbox) -> str:
        """Begin to listen: from here on each event is put into ``inbox``, from whatever thread, with a time of its own.

        Returns who is there, as far as it is known ("" if not). Raises InstrumentError, Stopped.
        """
        raise NotImplementedError

    def look(self) -> Iterable[Reading]:
        """Look after it, once an interval: yield what holds unchanged, and which channels are silent or gone.

        Raises InstrumentError where the source is gone.
        """
        return ()

    def receipt(self) -> Callable[[bool], None] | None:
        """Give what is to be called, from whatever thread, once all that it has said until now is printed (or will not be).

        None: it need not know.
        """
        return None

    def close(self) -> None:
        """Listen no more; nothing is put into the inbox after it."""
        raise NotImplementedError


NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?\Z", re.ASCII)


def number(text: str, pattern: re.Pattern[str] = NUMBER, asked: str = "") -> float:
    """Read a decimal number as instruments write it; ``pattern`` is the exact format where the manual gives one.

    Raises BadAnswer for anything else: the more exact the pattern, the fewer torn answers pass for a number. ``asked`` is
    the question, for the message.
    """
    text = text.strip()
    if not pattern.match(text):
        raise BadAnswer(
            f"{f'asked {asked}, ' if asked else ''}found {text[:60]!r}, expected a number of the manual's form"
        )
    return float(text)
