"""What a stanza says once it is checked: an instrument and its channels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from . import transports
from .calibration import Calibration
from .declare import Quantity, Stream
from .line import Wire
from .spikes import Filter
from .transport import Library
from .url import Url

ANY = "*"  # the channel that stands for those of a stream that the stanza does not name: they are found in the data


@dataclass
class Channel:
    """One channel: ``options`` are the driver's, ``limits`` stand as they are written.

    ``quantities`` are all that the channel delivers, by name, the calibrated one included; ``stream`` is what its
    readings belong to. ``filter``: how its spikes are found.
    """

    id: str
    label: str
    description: str
    options: dict[str, Any]
    limits: dict[str, Any]
    calibration: Calibration | None = None
    quantities: dict[str, Quantity] = field(default_factory=dict)
    stream: Stream = Stream("")
    filter: Filter | None = None

    @property
    def measurement(self) -> str:
        """The measurement that its points are in."""
        return self.stream.measurement

    @property
    def stored(self) -> dict[str, Quantity]:
        """List all whose values are readings, by name: what it delivers, and what is kept of spikes."""
        return self.quantities | ({self.filter.spike.name: self.filter.spike} if self.filter else {})

    def found_as(self, name: str) -> Channel:
        """Make the channel of this name, of which this one (ANY) says what it delivers."""
        return replace(self, id=name, label=name)


@dataclass
class Stanza:
    """A checked stanza. ``driver`` is the source's class; durations are in seconds; ``stale`` None: by the interval.

    ``channels`` are those that it names, or that its driver does; ``others`` stand for those that are found in the data,
    one (ANY) a stream. ``folder`` is where its own file lies, if it has one. ``wire`` is how text travels to this one. ``identity`` is what the instrument says of itself, once
    it is connected. ``computation`` is how its channels are computed, where they are (native/derived.py); a site knows that.
    """

    driver: Any  # type[Source]; it knows this module, and not the other way round
    name: str
    label: str
    description: str
    connection: Url
    node: str
    interval: float
    timeout: float
    trigger: str
    enabled: bool
    stale: float | None
    options: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    channels: list[Channel] = field(default_factory=list)
    others: list[Channel] = field(default_factory=list)
    wire: Wire = field(default_factory=Wire)
    identity: str = ""
    folder: str = ""
    computation: Any = None

    @property
    def simulated(self) -> bool:
        """Tell whether a simulator stands in its place."""
        return self.connection.scheme == "sim"

    @property
    def declared(self) -> list[Channel]:
        """List what says which measurements and fields it has: its channels, and what stands for those that are found."""
        return [*self.channels, *self.others]

    @property
    def measurements(self) -> list[str]:
        """List the measurements that its channels are in."""
        return list(dict.fromkeys(channel.measurement for channel in self.declared))

    def find(self, name: str, measurement: str = "") -> Channel | None:
        """Find a channel by its name, and its measurement where that is known; made where it is one that is found in the data.

        None where there is none of this name, and none is found, or it could be found in several streams.
        """
        fitting = [channel for channel in self.declared if measurement in ("", channel.measurement)]
        named = next((channel for channel in fitting if channel.id == name), None)
        found = [channel for channel in fitting if channel.id == ANY]
        return named or (found[0].found_as(name) if len(found) == 1 and name.isprintable() else None)

    @property
    def libraries(self) -> tuple[Library, ...]:
        """List the libraries of the system that its driver's ways to it need."""
        return tuple(library for scheme in self.driver.schemes for library in transports.load(scheme).libraries)

    def place(self) -> str:
        """Name the port, socket or resource that it is at, however it is written; "" for none."""
        return transports.of(self.connection).place(self.connection) if self.connection.text else ""
