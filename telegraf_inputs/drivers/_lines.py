"""Sources of lines of text, of which the stanza says all: asked for a line, or heard when they speak by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from .. import declared
from ..configured import Channel, Stanza
from ..declare import Option, Quantity
from ..errors import BadAnswer, BadInput, InstrumentError, NoAnswer, WrongDevice, noted, together
from ..feed import Feed
from ..fields import clashes
from ..line import Line, Wire
from ..pattern import Pattern, check_pattern
from ..reading import Gathered, Reading
from ..source import Polled, Source
from ..stop import Stop
from ..url import Url
from ..visits import Visits
from ._lines_form import FORM, WHERE, LineChannel
from ._scpi_asking import Cycle

MOST_SKIPPED = 1000  # lines in a row that are none of the answer
REST_SECONDS = 0.2  # between two lines of one that speaks, by which the next is known to be heard from its beginning
SKIP = Option(
    "skip",
    "list",
    "patterns (regular expressions) of whole lines that say nothing, such as what it prints when it starts",
    [],
)
FENCE = Option(
    "fence",
    "str",
    "of one that is asked: a request whose answer never changes, such as that for its version, to see that answers "
    "are in step",
)
IDENTITY = Option("identity", "str", "pattern (a regular expression) that the answer to `fence` contains")
CLOSES = Option("closes", "bool", "the server closes the connection after each answer", False)


class LineSource(Source):
    """Declares what a stanza says of lines, whoever speaks first."""

    wire = Wire(b"\n", b"\n", serial={"baudrate": 9600})
    channel_names = None
    interval = 5.0
    options_known: tuple[Option, ...] = (SKIP, FENCE, IDENTITY)
    channel_options = (
        Option(
            "request",
            "str",
            "what is sent to get a line; without one it speaks by itself, or, with `closes`, whenever it is called",
        ),
        *FORM,
        declared.READ,
    )
    where = WHERE
    statuses = {
        **Feed.statuses,
        "no_reading": "the value is nan, or a word that is listed as missing",
        "over_range": "the value is inf, or a word that is listed as such",
    }

    @classmethod
    def kinds(cls) -> tuple[type[Source], ...]:
        """List the classes of its name: one that asks, and one that hears."""
        raise NotImplementedError

    @classmethod
    def reader(cls, stanza: Stanza) -> type[Source]:
        asked = stanza.options.get("closes") or any(channel.options["request"] for channel in stanza.channels)
        return next(kind for kind in cls.kinds() if issubclass(kind, AskedLines) == bool(asked))

    @classmethod
    def quantities_of(cls, channel: Channel) -> tuple[Quantity, ...]:
        return tuple(each.quantity for each in LineChannel(channel).declared.values())

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        with together() as wrong:
            for index, text in enumerate(stanza.options["skip"]):
                with noted(wrong):
                    check_pattern(text, ("skip", index))
            channels = [LineChannel(channel) for channel in stanza.channels]
            for channel in channels:
                if not (channel.form.exact or stanza.wire.answers_end):
                    wrong.append(
                        BadInput(
                            "is missing: a line without an end (wire: {receive: none}) may break off anywhere; expected "
                            "a pattern that only a whole one has",
                            ("channels", channel.name, "pattern"),
                        )
                    )
            for clash in clashes([stanza]):
                wrong.append(BadInput(clash.message, ("channels", clash.channel.id, "read", clash.quantity.name)))
            cls._check_speaker(stanza, channels, wrong)

    @classmethod
    def _check_speaker(cls, stanza: Stanza, channels: list[LineChannel], wrong: list[BadInput]) -> None:
        """Note what does not fit who speaks first."""

    @cached_property
    def _skipped(self) -> list[Pattern]:
        return [Pattern(text) for text in self.options["skip"]]

    def _says_nothing(self, line: str) -> bool:
        return any(pattern.match(line.strip()) for pattern in self._skipped)


class AskedLines(LineSource, Polled):
    """Asks for lines: each request once a cycle, for however many channels its answer is."""

    timeout = 2.0

    @classmethod
    def _check_speaker(cls, stanza: Stanza, channels: list[LineChannel], wrong: list[BadInput]) -> None:
        for channel in channels:
            if not channel.request and any(other.request for other in channels):
                said = "is missing: other channels have one, and what is asked does not speak by itself"
                wrong.append(BadInput(said, ("channels", channel.name, "request")))
        fence, identity = stanza.options["fence"], stanza.options["identity"]
        if bool(fence) != bool(identity):
            said = "is missing: fence and identity go together, the request and what its answer contains"
            wrong.append(BadInput(said, ("identity" if fence else "fence",)))
        if identity:
            with noted(wrong):
                check_pattern(identity, ("identity",), search=True)
        if fence and stanza.options.get("closes"):
            wrong.append(BadInput("leave this out: with `closes` each answer has a connection of its own", ("fence",)))

    @classmethod
    def open_link(cls, url: Url, stanza: Stanza, stop: Stop) -> Line | Visits:
        if not stanza.options.get("closes"):
            link: Line = super().open_link(url, stanza, stop)
            return link
        from .. import transports

        return Visits(transports.of(url).line(url, stanza.wire, stanza.timeout, stop))

    def __init__(self, stanza: Stanza, link: Any):
        super().__init__(stanza, link)
        self._declared = [LineChannel(channel) for channel in self.channels]

    @property
    def answered_ns(self) -> int:
        """When the last answer was complete (ns, UTC)."""
        return int(self.link.answered_ns)

    def query(self, question: str) -> str:
        """Ask for a line; lines that say nothing may stand before it."""
        answer = str(self.link.query(question))
        if isinstance(self.link, Visits):
            return "\n".join(line for line in answer.splitlines() if not self._says_nothing(line))
        for _ in range(MOST_SKIPPED):
            if not self._says_nothing(answer):
                return answer
            answer = self.link.receive()
        raise NoAnswer(f"asked {question!r}, found only what `skip` lists")

    def identify(self) -> str:
        fence = self.options["fence"]
        if not fence:
            return ""
        answer = self.query(fence).strip()
        if answer.isprintable() and Pattern(self.options["identity"], search=True).match(answer):
            return answer
        wrong = f"asked {fence!r}, found {answer[:60]!r}, expected {self.options['identity']!r} in it (identity)"
        if (
            not answer.isascii()
            or not answer.isprintable()
            or any(channel.form.takes(answer) for channel in self._declared)
        ):
            raise BadAnswer(wrong)
        raise WrongDevice(wrong)

    def verify(self) -> None:
        if not self.stanza.identity:
            self.link.refuse_surplus()
        super().verify()

    def read(self) -> Iterator[Reading]:
        cycle = Cycle(self, self.recover)
        readings = []
        for channel in self._declared:
            asked = cycle.ask("", channel.quantities)
            readings.append(asked.reading(channel.name, asked.answered_ns))
        if not self.stanza.identity and all(r.status in ("no_answer", "bad_answer") and not r.values for r in readings):
            failed: type[InstrumentError] = NoAnswer if readings[0].status == "no_answer" else BadAnswer
            raise failed(readings[0].detail)  # there is nothing else to tell by that nobody is there, or somebody else
        yield from readings


class HeardLines(LineSource, Feed):
    """Hears lines that come by themselves: each is taken by the channels whose form it has."""

    timeout = 10.0

    @classmethod
    def _check_speaker(cls, stanza: Stanza, channels: list[LineChannel], wrong: list[BadInput]) -> None:
        for key in ("fence", "identity"):
            if stanza.options.get(key):
                wrong.append(BadInput("leave this out: it is for what is asked, by a `request`", (key,)))

    def __init__(self, stanza: Stanza):
        super().__init__(stanza)
        self._declared = [LineChannel(channel) for channel in self.channels]
        self._torn = False  # the first line may have begun before we listened

    def hello(self, link: Line) -> str:
        self._torn = not link.quiet(REST_SECONDS)
        return ""

    def heard(self, line: str, arrived_ns: int) -> Iterable[Reading]:
        line = line.strip()
        torn, self._torn = self._torn, False
        if torn or not line or self._says_nothing(line):
            return ()
        fitting = [channel for channel in self._declared if channel.form.takes(line)]
        if not fitting:
            raise BadAnswer(f"found {line[:60]!r}, expected {' or '.join(c.form.words for c in self._declared[:3])}")
        return [_reading(channel, line, arrived_ns) for channel in fitting]


def _reading(channel: LineChannel, line: str, time_ns: int) -> Reading:
    """Read a line of the channel's form."""
    gathered = Gathered()
    for quantity in channel.quantities:
        try:
            gathered.add(quantity.name, *quantity.value(line))
        except BadAnswer as error:
            gathered.note("bad_answer", str(error))
    return gathered.reading(channel.name, time_ns)
