"""The alarms of the way of the readings behind the instruments: a node that is away or has the wrong time, what gets lost, a full disk, a silent database."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from provisioning.grafana_text import plain
from provisioning.host_metrics import ALIVE, ALIVE_SECONDS, CERTIFICATE
from provisioning.levels import RAW
from provisioning.limit_rules import KEEP_SECONDS, rounded
from provisioning.site import Node, Site
from telegraf_inputs import duration

from . import alarm_words, delivery, influxql, latches, signals, style
from .alarm_words import Panels
from .dashboards import _telegraf
from .dashboards._telegraf import INSTRUMENTS as INPUTS
from .latches import Points
from .provision import Rule
from .uids import uid

# A loss is told for as long; what is read less often than twice in the longer time fills no queue.
LOSS_SECONDS, LOSS_MOST = 600, 3600
AWAY_SECONDS = 180  # a node of which nothing came for so long is away
AHEAD_SECONDS = 10  # clocks of several machines differ a little
AHEAD_FOR = 60  # seconds: one that is being set may be ahead for a moment
DAY, CERTIFICATE_DAYS = 86400, 14.0  # it is renewed 30 days before its end
PACE = 10  # seconds from one sign of life of a node to the next


def rules(site: Site, panel: Panels) -> Iterable[Rule]:
    """Make the rules of the line."""
    signals.check_stored("instrument", "up")
    signals.check_stored("disk", "used_percent")
    yield _line_rule(
        site,
        "database",
        "The database does not answer",
        f'SELECT {influxql.call("count", "up")} AS "reports" '
        f"FROM {influxql.source('instrument', RAW)} WHERE {influxql.TIME}",
        # Without reports there is no count: that is the stale-data alarms' to tell.
        condition=("below", 1.0),
        wait=60,
        panel=panel(_telegraf.about("internal_write", "buffer_size")),
        severity="critical",
        no_data="OK",
        on_error="Alerting",
        summary="Grafana can't ask the database: until it can, no other alarm begins or ends",
        help=f"On the machine of {site.influxdb.url}: is it on, does InfluxDB run, is its disk full? InfluxDB's log tells. "
        "labline apply --check tells whether its database and users are as they should be. "
        "Meanwhile Telegraf keeps what is read, for about an hour, and writes it afterwards; the journal holds more.",
    )
    yield _line_rule(
        site,
        "delivery",
        "What is read is not stored",
        delivery.failing(),
        panel=panel(delivery.ABOUT),
        severity="critical",
        seconds=math.ceil(max(delivery.SECONDS, site.alarms.every)),
        no_data="OK",
        summary="{{ $labels.host }}: {{ $labels.output }} does not take what is read ({{ $labels.why }})",
        help="The table Is it stored? on the dashboard of instruments' health says why, and so does labline status. What is refused "
        "is lost for the database, and stays in the journal; what can't be written yet waits in Telegraf's memory.",
    )
    if any(instrument.reports for instrument in site.enabled):
        yield _line_rule(
            site,
            "dropped",
            "Readings were lost before Telegraf",
            _growth("instrument", "dropped", "instrument"),
            panel=panel(_telegraf.about("instrument", "dropped")),
            severity="warning",
            summary='{{ printf "%.0f" $values.B.Value }} readings of {{ $labels.instrument }} were lost: Telegraf did not take them',
            help="Telegraf stood still, and the queue of the instrument's program was full. Look at the load and the memory of the machine, at "
            "its disk, and for what held up Telegraf in its log. These readings are lost, they are not in the journal either.",
        )
    yield _line_rule(
        site,
        "write-metrics_dropped",
        "Telegraf dropped points",
        _growth("internal_write", "metrics_dropped", "host", "output", "alias"),
        panel=panel(_telegraf.about("internal_write", "metrics_dropped")),
        severity="critical",
        summary="Telegraf of {{ $labels.host }} dropped points for the {{ $labels.alias }}: its buffer was full",
        help="See why nothing was taken for so long: a database that is down, a full disk. What only the database missed is in the journal.",
    )
    yield _line_rule(
        site,
        "write-errors",
        "Telegraf could not write",
        _growth("internal_write", "errors", "host", "output", "alias"),
        panel=panel(_telegraf.about("internal_write", "errors")),
        severity="warning",  # a short restart of InfluxDB is enough, and loses nothing
        summary="Telegraf of {{ $labels.host }} could not write to the {{ $labels.alias }}",
        help="Telegraf tries again, unless InfluxDB refused the points. Its log says why: a full disk, a password, a field whose type changed.",
    )
    for node in (node for node in site.nodes if site.of_node(node)):
        yield from _node(node, site, panel)
    yield _line_rule(
        site,
        "disk",
        "A disk is nearly full",
        # All that was read for so long, lest it comes and goes at the border.
        f'SELECT min("used_percent") AS "used" FROM {influxql.source("disk", RAW)} WHERE {influxql.TIME} GROUP BY "host", "path"',
        condition=("above", style.DISK_FULL),
        panel=panel("disks"),
        severity="critical",
        summary='Disk {{ $labels.path }} of {{ $labels.host }} is {{ printf "%.0f" $values.B.Value }} % full',
        help="InfluxDB stops writing on a full disk. Free some room, shorten the retention in the site file, or give it a larger disk.",
    )
    if site.influxdb.write:
        signals.check_stored(CERTIFICATE, "expiry")
        yield _line_rule(
            site,
            "certificate",
            "The certificate of the proxy ends soon",
            # Also of one that signed it, where the proxy shows that, too.
            f'SELECT min("expiry") / {DAY} AS "days" FROM {influxql.source(CERTIFICATE, RAW)} WHERE {influxql.TIME}',
            condition=("below", CERTIFICATE_DAYS),
            panel=panel(CERTIFICATE),
            severity="critical",
            summary='The certificate of the proxy ends in {{ printf "%.0f" $values.B.Value }} days: then nodes can write no more',
            help="The server renews it by itself, weeks before. There, systemctl status labline-certificate.service tells why it did "
            "not, and systemctl start labline-certificate.service tries again.",
        )


def _node(node: Node, site: Site, panel: Panels) -> Iterable[Rule]:
    """Watch whether a node is there, and whether its clock is right: with another time, its readings look old, or are not shown yet."""
    signals.check_stored(*ALIVE)
    points, about = (
        Points(ALIVE[1], ALIVE[0], influxql.equal(host=node.name), sample=0),
        panel(_telegraf.about("internal_gather", "metrics_gathered")),
    )
    instruments = [i.stanza.label for i in site.of_node(node)]
    keep = duration.exact(rounded(KEEP_SECONDS, site.alarms))
    yield _line_rule(
        site,
        f"node-{node.name}",
        f"Nothing comes from {node.name}",
        # Also where Telegraf is there, and none of its programs. After an outage of the database the same is so until what
        # waits there is written: only several answers, one after the other, can tell.
        f'SELECT sum("n") AS "points" FROM (SELECT non_negative_difference("metrics_gathered") AS "n" '
        f"FROM {influxql.source('internal_gather', RAW)} WHERE {influxql.equal(host=node.name)} AND {INPUTS} AND {influxql.TIME} "
        f'GROUP BY "alias", "input") WHERE {influxql.TIME}',
        condition=("below", 1.0),
        seconds=AWAY_SECONDS,
        wait=60,
        keep=keep,
        panel=about,
        severity=site.alarms.stale_severity,
        no_data="Alerting",
        summary=f"{plain(node.name)} has delivered nothing for {duration.words(AWAY_SECONDS)}: "
        + plain(f"no alarm of {_instruments(instruments)} begins or ends"),
        help=f"Is {node.name} on, does it reach {site.influxdb.url}, does Telegraf run there, and its programs? Its log tells. "
        f"Where they do, its clock may be wrong by more than {duration.words(AWAY_SECONDS)}: timedatectl there tells.",
        over=alarm_words.over_unasked(KEEP_SECONDS),
        node=node.name,
    )
    yield from _clock(node, site, points, keep=keep, panel=about)


def _clock(node: Node, site: Site, points: Points, **shared: Any) -> Iterable[Rule]:
    """Watch whether a node's clock is right, by its signs of life."""
    clock = f"The clock of {node.name}"

    def rule(which: str, told: str, data: dict[str, Any]) -> Rule:
        over = {"over": alarm_words.over_unasked(KEEP_SECONDS)} if data["for_"] != "0s" else {}
        return Rule(
            uid=uid(site.name, f"clock-{which}-{node.name}"),
            title=f"{clock} is {which}",
            labels=alarm_words.labels(site, "critical", "line", node=node.name),
            annotations={
                "summary": f"{plain(clock)} is {told}",
                "help": plain(
                    f"On {node.name}, timedatectl tells which clock it follows, and whether it does. "
                    "docs/clock.md says how one is set up."
                ),
                **over,
            },
            **data,
            **shared,
        )

    older = latches.count(points.within(AWAY_SECONDS, ALIVE_SECONDS))
    newer = latches.count(points.within(ALIVE_SECONDS), times=-1000)
    behind = f'SELECT {AWAY_SECONDS} - "n" * {PACE} AS "behind" FROM ({latches.added([older, newer])}) WHERE "n" > 0'
    yield rule(
        "behind",
        'about {{ printf "%.0f" $values.B.Value }} s behind: its readings look old, and alarms of limits do not come',
        {
            **alarm_words.compared(behind, AWAY_SECONDS, "above", 0.0),
            # Just then a node that went away a minute ago has left the same points. Of that one so much comes for a shorter
            # time than this waits.
            **alarm_words.waiting(AWAY_SECONDS, site.alarms),
            "no_data": "OK",
        },
    )
    future = points.later(AHEAD_SECONDS)
    # Where a clock is set ahead, points leave out as much time. So it is ahead for a while where so many are of the future,
    # or where they come without a gap from so long ago to there.
    many = latches.holds([latches.count(future)], f'"n" >= {AHEAD_FOR // PACE}')
    steady = latches.holds(
        [
            latches.some(future),
            latches.some(points.within(AHEAD_FOR, AHEAD_FOR - 2 * PACE)),
            latches.gaps(points.later(-AHEAD_FOR), 2 * PACE),
        ],
        '"n" = 2',
    )
    well = latches.holds([latches.some(points.within(ALIVE_SECONDS)), latches.count(future, times=-1)], '"n" = 1', 0)
    ahead = f'SELECT "n" * {PACE} AS "ahead" FROM ({latches.count(future)})'
    yield rule(
        "ahead",
        'ahead by {{ printf "%.0f" $values.B.Value }} s or more: its readings, and alarms, are late by as much',
        alarm_words.latched(latches.latch([many, steady], [well]), AWAY_SECONDS, ahead),
    )


def _instruments(labels: list[str]) -> str:
    """Name the instruments of a node; of many the first ones."""
    if not labels:
        return "its instruments"
    more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
    return f"{', '.join(labels[:3])}{more}"


def _loss_window(site: Site) -> int:
    """Tell over how many seconds losses are looked for: it holds two reports of each instrument, and two looks see the same loss."""
    slowest = max(i.stanza.interval for i in site.enabled)
    return math.ceil(max(LOSS_SECONDS, min(2 * slowest + 15, LOSS_MOST), 3 * site.alarms.every))


def _growth(measurement: str, field: str, *by: str) -> str:
    signals.check_stored(measurement, field)
    return influxql.growth(field, measurement, "", by)


def _line_rule(
    site: Site,
    name: str,
    title: str,
    query: str,
    *,
    condition: tuple[str, float] = ("above", 0.0),
    seconds: int = 0,
    wait: float = 0,
    panel: tuple[str, int],
    severity: str,
    summary: str,
    help: str,
    over: str = "",
    no_data: str = "KeepLast",
    on_error: str = "",
    keep: str = "",
    node: str = "",
) -> Rule:
    more = {"node": node} if node else {}
    waits = alarm_words.waiting(wait, site.alarms) | ({"on_error": on_error} if on_error else {})
    return Rule(
        uid=uid(site.name, name),
        title=title,
        **alarm_words.compared(query, seconds or _loss_window(site), *condition),
        **waits,
        keep=keep,
        panel=panel,
        no_data=no_data,
        labels=alarm_words.labels(site, severity, "line", **more),
        annotations={"summary": summary, "help": plain(help), "over": over},
    )
