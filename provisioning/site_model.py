"""What a lab is, once its site file is checked: its nodes, its instruments, where its data are, who is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from telegraf_inputs import transports
from telegraf_inputs.stanza import Channel, Stanza

from . import derived
from .levels import Storage
from .limits import Limit
from .site_file import Alarms, Grafana, Node, Notifications

# So long after it last spoke a channel that is found in the data is one of its instrument's: it may be gone for good.
FOUND_SECONDS = 86400.0


class SiteInstrument(Struct, frozen=True, kw_only=True):
    """One instrument: its checked ``stanza``, the ``data`` as they are written, its ``limits``.

    ``node`` is the name of the one that reads it; ``stale`` how many seconds without data are an alarm, 0 for none.
    """

    node: str
    stanza: Stanza
    data: dict[str, Any]
    limits: tuple[Limit, ...]
    stale: float

    @property
    def name(self) -> str:
        return str(self.stanza.name)

    @property
    def enabled(self) -> bool:
        """Tell whether it is read; one that is not keeps its dashboards and data, and has no alarms."""
        return bool(self.stanza.enabled)

    @property
    def reports(self) -> bool:
        """Tell whether its program reports how it is, in measurement ``instrument``; else it lives as long as points come."""
        return bool(self.stanza.driver.alive_by == "report")

    @property
    def computed(self) -> bool:
        """Tell whether it is computed of other instruments: it is silent where they are, and nothing else is told of it."""
        return derived.is_derived(self.stanza)

    @property
    def silence(self) -> float:
        """Tell over how many seconds the stale-data alarm looks for readings."""
        # Two reports make a difference, and the newest may still be on its way.
        return max(self.stale, 2 * self.stanza.interval + 15)

    def occupies(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Give what it uses that serves one only: its node ("": the network), the place, the path of the key that names it."""
        stanza = self.stanza
        if stanza.simulated or not stanza.enabled:
            return
        url = stanza.connection
        node = "" if url.text and transports.of(url).shared(url) else self.node
        for place, path in stanza.driver.places(stanza):
            yield node, place, path

    @property
    def dwells(self) -> bool:
        """Tell whether a well instrument may have nothing new for longer than ``stale``.

        A scanner may be busy with other channels; of a source of events alone, nothing may happen.
        """
        events = all(channel.stream.kind == "event" for channel in self.stanza.declared)
        return self.stanza.stale is None and (events or bool(self.stanza.driver.turn > self.stale))

    @property
    def channel_stale(self) -> float:
        """Tell how many seconds without a good reading of one channel are a gap; 0: none are.

        A scan takes its time; whoever says in the stanza how long silence may last knows it.
        """
        if not self.stale or self.stanza.stale is not None:
            return self.stale
        return float(max(self.stale, self.stanza.driver.turn))

    def missed_after(self, channel: Channel) -> float:
        """Tell how many seconds without a good reading of this channel are an alarm; 0: none are, as of events.

        A channel of a scanner may be out for a whole round, however soon the scanner's silence is told.
        """
        if not self.stale or (channel.stream.kind == "event" and self.stanza.stale is None):
            return 0.0
        return float(max(self.stale, self.stanza.driver.turn))


class Site(Struct, frozen=True, kw_only=True):
    """A lab. ``zone`` is a time zone's name, or "browser"; all durations are in seconds."""

    name: str
    title: str
    zone: str
    file: str
    nodes: tuple[Node, ...]
    influxdb: Storage
    instruments: tuple[SiteInstrument, ...]
    alarms: Alarms
    notifications: Notifications
    grafana: Grafana

    @property
    def server(self) -> Node:
        """The node that has InfluxDB and Grafana."""
        return next((node for node in self.nodes if node.server), self.nodes[0])

    def of_node(self, node: Node) -> tuple[SiteInstrument, ...]:
        """List the instruments that a node reads."""
        return tuple(instrument for instrument in self.enabled if instrument.node == node.name)

    @property
    def enabled(self) -> tuple[SiteInstrument, ...]:
        """List the instruments that are read."""
        return tuple(instrument for instrument in self.instruments if instrument.enabled)
