"""Alert rules: from the limits of the site file, for instruments and channels that deliver nothing, for a line that loses data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable

import attr

from provisioning import limit_rules
from provisioning.levels import RAW
from provisioning.limit_rules import KEEP_SECONDS, LimitRule, rounded
from provisioning.site import Site, SiteInstrument
from telegraf_inputs import duration

from . import channel_alarms, check_alerting, delivery, influxql, limit_alarms, signals, style
from .dashboards import _telegraf
from .provision import AlertQuery, Last, Rule, RuleGroup, Threshold, literal, plain
from .signals import Signal
from .uids import uid

Panels = Callable[[str], tuple[str, int]]  # what a panel is about -> (dashboard's uid, panel's id)

# A loss is told for as long; what is read less often than twice in the longer time fills no queue.
LOSS_SECONDS, LOSS_MOST = 600, 3600


def groups(site: Site, panel: Panels) -> list[RuleGroup]:
    """Make all rules of a site: a group for each instrument, one for the line itself."""
    found = []
    for instrument in site.enabled:
        rules = [
            *_limits(instrument, site, panel),
            *_stale(instrument, site, panel),
            *_channels(instrument, site, panel),
        ]
        if rules:
            found.append(_group(site, instrument.name, rules))
    found.append(_group(site, "the line", list(_line(site, panel))))
    titles = Counter(rule.title for group in found for rule in group.rules)
    return [attr.evolve(group, rules=[_distinct(rule, titles) for rule in group.rules]) for group in found]


def _distinct(rule: Rule, titles: Counter[str]) -> Rule:
    """Give a rule a title of its own, and not too long a one: with another, Grafana does not start."""
    title = rule.title
    if titles[title] > 1 or len(literal(title)) > check_alerting.LONGEST_TITLE:
        title = f"{title[: check_alerting.LONGEST_TITLE // 2]} ({rule.uid})"
    return attr.evolve(rule, title=title)


def folder(site: Site) -> str:
    """Name the folder of the rules; another than the dashboards', which Grafana provisions at the same time."""
    return f"{style.folder(site.title)} alarms"


def _group(site: Site, name: str, rules: list[Rule]) -> RuleGroup:
    return RuleGroup(
        name=f"{site.name}: {name}", folder=folder(site), every=duration.exact(site.alarms.every), rules=rules
    )


def _limits(instrument: SiteInstrument, site: Site, panel: Panels) -> Iterable[Rule]:
    for signal in signals.of_instrument(instrument):
        for limit in signal.limits:
            for rule in limit_rules.of_limit(limit, instrument, site.alarms):
                yield _limit(site, signal, rule, panel)


def _limit(site: Site, signal: Signal, rule: LimitRule, panel: Panels) -> Rule:
    """Watch one side of a number's limit, or the words that are an alarm.

    Where readings stop coming, the alarm stays as it was: that nothing comes is the stale-data alarm's to tell.
    """
    instrument, limit = signal.instrument, rule.limit
    named = f"{instrument.stanza.label}: {signal.title}"
    told = limit_alarms.told(signal, rule)
    return Rule(
        uid=uid(site.name, instrument.name, signal.channel.id, signal.quantity.name, limit.severity, told.name),
        title=f"{named} {told.title}",
        data=[AlertQuery(ref="A", query=told.query, seconds=rule.window), Last(ref="B", of="A"), told.threshold],
        for_=duration.exact(rule.wait),
        keep=duration.exact(rule.keep),
        panel=panel(signal.key),
        no_data="KeepLast",
        on_error="KeepLast",
        labels=_labels(
            site, limit.severity, "limit", instrument=instrument.name, channel=signal.channel.id, node=instrument.node
        ),
        annotations={
            "summary": f"{plain(named)} is {told.now}",
            "description": plain(f"{signal.description}{_read_by(instrument, site)} This alarm {told.course}."),
            "help": plain(limit.help),
        },
    )


def _stale(instrument: SiteInstrument, site: Site, panel: Panels) -> Iterable[Rule]:
    """Watch whether the count of readings grows; of a scanner, which may be busy with channels that nobody asks for, whether it answers.

    A device that is unplugged has a program that reports, with a count that stands still; without the program, or with Telegraf or the
    network down, there are no data at all. Both alarm; that the database does not answer is told once, for all. Of what has no program,
    points must come.
    """
    if not instrument.stale:
        return
    stanza = instrument.stanza
    seconds = math.ceil(instrument.silence)
    yield Rule(
        uid=uid(site.name, instrument.name, "stale"),
        title=f"{stanza.label}: no data",
        data=[
            AlertQuery(ref="A", query=_life(instrument), seconds=seconds),
            Last(ref="B", of="A"),
            Threshold(ref="C", of="B", side="below", value=1.0, back=1.0),
        ],
        # Until the second report, a program that was just started has no difference to show.
        for_=duration.exact(rounded(stanza.interval, site.alarms)),
        panel=panel("instruments"),
        no_data="Alerting",
        on_error="KeepLast",
        labels=_labels(site, site.alarms.stale_severity, "stale", instrument=instrument.name, node=instrument.node),
        annotations={
            "summary": plain(
                f"{stanza.label}{_on(instrument, site)} has delivered nothing for {duration.words(seconds)}"
            ),
            "description": plain(
                f"No reading of {stanza.name} ({stanza.driver.title}) reached the database. It is read every {duration.words(stanza.interval)}."
                f"{_read_by(instrument, site)}"
            ),
            "help": plain(
                f"Look at cable and power of {stanza.label}, then at its state: labline status, or the dashboard of instruments' health. "
                "Where all instruments are silent, look at the machine that reads them, at Telegraf and its log, and whether InfluxDB's "
                "disk is full."
            ),
        },
    )


def _life(instrument: SiteInstrument) -> str:
    """Ask for signs of life: fewer than one are none."""
    where, by = influxql.equal(instrument=instrument.name), ("instrument",)
    if not instrument.reports:
        return influxql.points(instrument.stanza.measurements, where, by)
    field = "up" if instrument.dwells else "readings"
    signals.check_stored("instrument", field)
    ask = influxql.total if instrument.dwells else influxql.growth
    return ask(field, "instrument", where, by)


def _channels(instrument: SiteInstrument, site: Site, panel: Panels) -> Iterable[Rule]:
    """Watch each channel for points whose status is ok, as long as the instrument delivers anything at all.

    Without any, the query has no result: that is the stale-data alarm's to tell, once for the instrument.
    """
    if not instrument.stale:
        return
    stanza = instrument.stanza
    for signal in signals.mains(instrument):
        channel = signal.channel
        if not (missed := instrument.missed_after(channel)):
            continue
        seconds = math.ceil(max(instrument.silence, missed))
        which = f"{signal.measurement} {channel.id}" if signal.found else channel.id
        yield Rule(
            uid=uid(site.name, instrument.name, which, "channel"),
            title=f"{stanza.label}: no good reading of {f'a channel ({signal.measurement})' if signal.found else channel.label}",
            data=channel_alarms.asked(signal, site, seconds),
            # A scanner that comes back after a pause needs its time to come round.
            for_=duration.exact(rounded(seconds, site.alarms)),
            panel=panel(signal.key),
            no_data="OK",
            on_error="KeepLast",
            # Of channels that are found in the data, each alarm has its channel's name from the query.
            labels=_labels(
                site,
                "warning",
                "channel",
                instrument=instrument.name,
                **({} if signal.found else {"channel": channel.id}),
                node=instrument.node,
            ),
            annotations={
                "summary": f"{plain(stanza.label)}: {channel_alarms.named(signal, channel.label)} has had no good reading for "
                f"{duration.words(seconds)}, though the instrument delivers",
                "description": f"No point of channel {channel_alarms.named(signal, channel.id)} of "
                + plain(f"{stanza.name} ({stanza.driver.title}) had the status ok.{_read_by(instrument, site)}"),
                "help": plain(
                    "See its status: labline status, or the channels on the dashboard of instruments' health; "
                    f"docs/drivers/{stanza.driver.name} says what each means. "
                    "Without one, the instrument does not measure this channel: is it switched on there?"
                ),
            },
        )


def _line(site: Site, panel: Panels) -> Iterable[Rule]:
    """Watch the way of the readings behind the instruments: where they get lost, a disk that fills up, a database that is silent."""
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
        panel=panel(_telegraf.about("internal_write", "buffer_size")),
        severity="critical",
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
        for_="0s",
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
    yield _line_rule(
        site,
        "disk",
        "A disk is nearly full",
        f'SELECT last("used_percent") AS "used" FROM {influxql.source("disk", RAW)} WHERE {influxql.TIME} GROUP BY "host", "path"',
        condition=("above", style.DISK_FULL),
        panel=panel("disks"),
        severity="critical",
        keep=duration.exact(rounded(KEEP_SECONDS, site.alarms)),
        summary='Disk {{ $labels.path }} of {{ $labels.host }} is {{ printf "%.0f" $values.B.Value }} % full',
        help="InfluxDB stops writing on a full disk. Free some room, shorten the retention in the site file, or give it a larger disk.",
    )


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
    panel: tuple[str, int],
    severity: str,
    summary: str,
    help: str,
    on_error: str = "KeepLast",
    keep: str = "",
    seconds: int = 0,
    for_: str = "",
) -> Rule:
    """Make a rule; ``seconds`` is how far it looks back, by default as far as losses are told."""
    side, value = condition
    return Rule(
        uid=uid(site.name, name),
        title=title,
        for_=for_ or duration.exact(rounded(60, site.alarms)),
        keep=keep,
        panel=panel,
        no_data="OK",
        on_error=on_error,
        labels=_labels(site, severity, "line"),
        data=[
            AlertQuery(ref="A", query=query, seconds=seconds or _loss_window(site)),
            Last(ref="B", of="A"),
            Threshold(ref="C", of="B", side=side, value=value, back=value),
        ],
        annotations={"summary": summary, "help": plain(help)},
    )


def _on(instrument: SiteInstrument, site: Site) -> str:
    """Name the node beside its instrument, where there are several."""
    return f" ({instrument.node})" if len(site.nodes) > 1 else ""


def _read_by(instrument: SiteInstrument, site: Site) -> str:
    """Tell which node reads an instrument, where there are several."""
    return f" It is read by {instrument.node}." if len(site.nodes) > 1 else ""


def _labels(site: Site, severity: str, kind: str, **more: str) -> dict[str, str]:
    return {"site": site.name, "severity": severity, "kind": kind, **more}
