"""What the alarm of a silent channel asks the database: of one that the stanza names, or of those that are found in the data."""

from __future__ import annotations

import math
from typing import Any

from provisioning.levels import RAW
from provisioning.site import FOUND_SECONDS, Site

from . import influxql
from .provision import AlertQuery, BelowOne, Last, Threshold, plain
from .signals import Signal

FOUND = "{{ $labels.channel }}"


def asked(signal: Signal, site: Site, seconds: int) -> list[Any]:
    """Ask whether a channel had no good point for ``seconds``, as long as its instrument delivers anything at all.

    Of channels that are found in the data, those are asked for that were well within FOUND_SECONDS: each is an alarm
    of its own.
    """
    if not signal.found:
        return [
            AlertQuery(ref="A", query=_good_points(signal), seconds=seconds),
            Last(ref="B", of="A"),
            Threshold(ref="C", of="B", side="below", value=1.0, back=1.0),
        ]
    stanza = signal.instrument.stanza
    known = min(FOUND_SECONDS, site.influxdb.raw or FOUND_SECONDS)
    every_point = influxql.points(stanza.measurements, influxql.equal(instrument=stanza.name))
    return [
        AlertQuery(ref="A", query=_good_points_found(signal, seconds), seconds=math.ceil(known)),
        Last(ref="B", of="A"),
        AlertQuery(ref="D", query=every_point, seconds=seconds),
        Last(ref="E", of="D"),
        BelowOne(ref="C", of="B", provided="E"),
    ]


def named(signal: Signal, name: str) -> str:
    """Write a channel's name into an annotation (a Go template); of one that is found in the data the query tells it."""
    return FOUND if signal.found else plain(name)


def _good_points(signal: Signal) -> str:
    """Count a channel's points that are well: 0 where others of the instrument have points, nothing where none has."""
    status, points = influxql.call("count", "status"), influxql.source(signal.measurement, RAW)
    every = influxql.equal(instrument=signal.instrument.name)
    return (
        f'SELECT sum("n") AS "good" FROM '
        f'(SELECT {status} AS "n" FROM {points} WHERE {signal.where} AND {influxql.equal(status="ok")} AND {influxql.TIME}), '
        f'(SELECT {status} * 0 AS "n" FROM {points} WHERE {every} AND {influxql.TIME}) WHERE {influxql.TIME}'
    )


def _good_points_found(signal: Signal, seconds: int) -> str:
    """Count, of each channel that was well in the query's time, the points of the last ``seconds`` that are well."""
    status, points = influxql.call("count", "status"), influxql.source(signal.measurement, RAW)
    well = f"{signal.where} AND {influxql.equal(status='ok')} AND {influxql.TIME}"
    return (
        f'SELECT sum("n") AS "good" FROM '
        f'(SELECT {status} AS "n" FROM {points} WHERE {well} AND time > now() - {seconds}s GROUP BY "channel"), '
        f'(SELECT {status} * 0 AS "n" FROM {points} WHERE {well} GROUP BY "channel") WHERE {influxql.TIME} GROUP BY "channel"'
    )
