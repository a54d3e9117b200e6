"""The alarm of silent channels that no stanza names: they are found in the data."""

from __future__ import annotations

import math

from provisioning.grafana_text import plain
from provisioning.levels import RAW
from provisioning.limit_rules import KEEP_SECONDS, rounded, whole
from provisioning.measurements import STATUS
from provisioning.site import FOUND_SECONDS, Site
from telegraf_inputs import duration

from . import alarm_words, influxql, latches
from .alarm_words import Panels
from .latches import Points
from .provision import AlertQuery, BelowOne, Last, Rule
from .signals import Signal, check_stored
from .uids import uid

FOUND = "{{ $labels.channel }}"  # as the query tells it


def rule(signal: Signal, site: Site, missed: float, panel: Panels) -> Rule:
    """Ask which channels had no good point for twice ``missed`` (s), of those that were well within FOUND_SECONDS.

    Their instrument delivers before the second half of that time, and at its end. Each channel is an alarm of its own, so
    Grafana has to keep its state: a question that says nothing would say it of all of them. Nothing waits there: it would
    begin while the database is away.
    """
    instrument, stanza = signal.instrument, signal.instrument.stanza
    silence = whole(instrument.silence)
    longest = whole(max(silence, missed))
    seconds = 2 * longest
    known = min(FOUND_SECONDS, site.influxdb.raw or FOUND_SECONDS)
    return Rule(
        uid=uid(site.name, instrument.name, f"{signal.measurement} {signal.channel.id}", "channel"),
        title=f"{stanza.label}: no good reading of a channel ({signal.measurement})",
        data=[
            AlertQuery(ref="A", query=_good_points(signal, seconds), seconds=math.ceil(known)),
            Last(ref="B", of="A"),
            AlertQuery(ref="D", query=_delivers(signal, silence, longest), seconds=seconds),
            Last(ref="E", of="D"),
            BelowOne(ref="C", of="B", provided="E"),
        ],
        for_="0s",
        keep=duration.exact(rounded(KEEP_SECONDS, site.alarms)),
        panel=panel(signal.key),
        no_data="OK",
        on_error="KeepLast",
        # Each alarm has its channel's name from the query.
        labels=alarm_words.labels(site, "warning", "channel", instrument=instrument.name, node=instrument.node),
        annotations={
            "summary": f"{plain(stanza.label)}: {FOUND} has had no good reading for {duration.words(seconds)}, though the instrument delivers",
            "description": f"No point of channel {FOUND} of "
            + plain(f"{stanza.name} ({stanza.driver.title}) had the status ok.{alarm_words.read_by(instrument, site)}"),
            "help": plain(alarm_words.no_good_reading(stanza)),
        },
    )


def _delivers(signal: Signal, silence: int, longest: int) -> str:
    """Ask whether the instrument delivers, and did before: 1, or nothing. It is one series without labels, which goes with each channel's."""
    where = influxql.equal(instrument=signal.instrument.name)
    if signal.instrument.reports:
        check_stored("instrument", "up")
        others = Points("up", "instrument", f'{where} AND "up" > 0', sample=0)
    else:
        others = Points(STATUS.name, signal.measurement, where, sample=0)
    there = [latches.some(others.within(silence)), latches.some(others.within(2 * longest, longest))]
    return latches.holds(there, '"n" = 2')


def _good_points(signal: Signal, seconds: int) -> str:
    """Count, of each channel that was well in the query's time, the points of the last ``seconds`` that are well."""
    status, points = influxql.call("count", "status"), influxql.source(signal.measurement, RAW)
    well = f"{signal.where} AND {influxql.equal(status='ok')} AND {influxql.TIME}"
    return (
        f'SELECT sum("n") AS "good" FROM '
        f'(SELECT {status} AS "n" FROM {points} WHERE {well} AND time > now() - {seconds}s GROUP BY "channel"), '
        f'(SELECT {status} * 0 AS "n" FROM {points} WHERE {well} GROUP BY "channel") WHERE {influxql.TIME} GROUP BY "channel"'
    )
