"""What a site writes to a node's disk in a day, about: memory cards have a life of so many bytes."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from . import measurements
from .site import Node, Site, SiteInstrument
from .telegraf_config import HOST_INTERVAL, HOST_POINTS

DAY = 86_400
# Measured (write_bytes of /proc/PID/io) with Telegraf 1.39.3 and InfluxDB 1.6.7 on ext4, good to a factor of two. However few
# points a request has, InfluxDB writes some pages for it: that, and not the readings themselves, is what wears a card.
BYTES_PER_REQUEST = 7_000
BYTES_PER_POINT = 160  # of line protocol in the journal, and as much in the database until it is compacted
PAGE = 4_096  # of the journal, and of the count that a program keeps
PAGE_SECONDS = 25.0  # in which the kernel writes such a page once, however often it changed
TRIAL_SECONDS = 4.0  # between two points of labline's own, at least (labline/live/canary.py)


class Wear(Struct, frozen=True):
    """Bytes a day."""

    database: float
    journal: float
    counts: float

    @property
    def total(self) -> float:
        return self.database + self.journal + self.counts


def daily(site: Site, node: Node) -> Wear:
    """Predict what is written on a node's disk: by the journal and the programs, and by the database where that is."""
    instruments = site.of_node(node)
    cycles = [DAY / i.stanza.interval for i in instruments]
    database = sum(_stored(site, each) for each in site.nodes) + _levels(site) if node is site.server else 0.0
    pages = [min(each, DAY / PAGE_SECONDS) * PAGE for each in cycles]
    return Wear(database, _points(instruments) * BYTES_PER_POINT + max(pages, default=0.0), sum(pages))


def _points(instruments: Iterable[SiteInstrument]) -> float:
    """Count the points of a day: a scanner has one channel each time."""
    return sum(
        ((1 if i.stanza.driver.turn else len(i.stanza.channels)) + 1) * DAY / i.stanza.interval for i in instruments
    )


def _stored(site: Site, node: Node) -> float:
    """Tell what the database writes for a node."""
    points = _points(site.of_node(node)) + DAY / HOST_INTERVAL * HOST_POINTS
    trials = DAY / max(TRIAL_SECONDS, node.flush_seconds) if node is site.server else 0.0
    return (_requests(site, node) + trials) * BYTES_PER_REQUEST + points * BYTES_PER_POINT


def _requests(site: Site, node: Node) -> float:
    """Count the writes of a node's Telegraf: none where there is nothing new."""
    paces = {i.stanza.interval for i in site.of_node(node)} | {float(HOST_INTERVAL)}
    return min(DAY / node.flush_seconds, sum(DAY / pace for pace in paces))


def _levels(site: Site) -> float:
    """Tell what downsampling writes: a request for each measurement, each time."""
    kinds = len(measurements.quantities(i.stanza for i in site.enabled))
    return sum(DAY / level.seconds_per_point for level in site.influxdb.downsampled) * kinds * BYTES_PER_REQUEST
