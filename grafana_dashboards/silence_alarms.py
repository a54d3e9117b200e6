"""The alarms of what does not come: an instrument that is silent, a channel without good readings, a connection that comes and goes."""

from __future__ import annotations

from collections.abc import Iterable

from provisioning.grafana_text import plain
from provisioning.host_metrics import ALIVE_SECONDS
from provisioning.influxql import identifier
from provisioning.limit_rules import KEEP_SECONDS, fresh, whole, windows
from provisioning.measurements import STATUS
from provisioning.site import Site, SiteInstrument
from telegraf_inputs import duration

from . import alarm_words, channel_alarms, influxql, latches, signals
from .alarm_words import Panels
from .dashboards import _telegraf
from .latches import Grown, Points, Said
from .provision import Rule
from .uids import uid

WELL, NOT_WELL = f"{latches.VALUE} = 'ok'", f"{latches.VALUE} <> 'ok'"
STRETCHES, STRETCH = 15, 60  # an unsteady connection is looked for in so many stretches, of so many seconds at least
UNSTEADY, STEADY = 4, 1  # interruptions, and stretches with errors that come and go: from so many on, and until so few


def _others(instrument: SiteInstrument, site: Site) -> tuple[Points, int]:
    """Give what its node says while it is there, and how old (s) the newest of that is then.

    InfluxQL joins points of one measurement only: what programs report, or what Telegraf tells of its inputs.
    """
    host = influxql.equal(host=instrument.node)
    if not instrument.reports:
        return Points("metrics_gathered", "internal_gather", host, sample=0), ALIVE_SECONDS
    paces = [i.stanza.interval for i in site.enabled if i.reports and i.node == instrument.node]
    return Points("up", "instrument", host, sample=0), whole(max(ALIVE_SECONDS, 2 * min(paces) + 15))


def stale(instrument: SiteInstrument, site: Site, panel: Panels) -> Iterable[Rule]:
    """Watch whether the count of readings grows; of a scanner, which may be busy with channels that nobody asks for, whether it answers.

    It begins while its node says anything, and did all the time: that a node, or the database, was away is told once, for all of
    its instruments. None begins while it is paused, nor before it has had its time after that. It ends when readings came for a while without such a gap: a cable that comes and goes is one alarm.
    What is computed is silent where all that it is computed of is; that is told of those.
    """
    if not instrument.stale or instrument.computed:
        return
    stanza = instrument.stanza
    # What Telegraf counts of what it reads itself, it tells each ten seconds.
    seconds = whole(instrument.silence if instrument.reports else max(instrument.silence, ALIVE_SECONDS + 10))
    back = whole(max(KEEP_SECONDS + seconds, 3 * seconds))
    (node, new), life = _others(instrument, site), _life(instrument)
    silent = latches.holds(
        [
            latches.some(node.within(new)),
            latches.some(node.within(seconds, seconds // 2)),
            latches.some(node.within(seconds + new, seconds)),
            latches.count(life.within(seconds), times=-1),
            *(latches.count(pause.within(seconds), times=-1) for pause in _pauses(instrument)),
        ],
        '"n" = 3',
    )
    steady = latches.holds(
        [
            latches.some(life.within(seconds)),
            latches.some(life.within(back, back - seconds)),
            latches.gaps(life.within(back), seconds),
        ],
        '"n" = 2',
        0,
    )
    yield Rule(
        uid=uid(site.name, instrument.name, "stale"),
        title=f"{stanza.label}: no data",
        **alarm_words.latched(latches.latch([silent], [steady]), max(back, seconds + new)),
        panel=panel("instruments"),
        labels=alarm_words.labels(
            site, site.alarms.stale_severity, "stale", instrument=instrument.name, node=instrument.node
        ),
        annotations={
            "summary": plain(
                f"{stanza.label}{alarm_words.on(instrument, site)} has delivered nothing for {duration.words(seconds)}"
            ),
            "description": plain(
                f"No reading of {stanza.name} ({stanza.driver.title}) reached the database. It is read every {duration.words(stanza.interval)}."
                f"{alarm_words.read_by(instrument, site)}"
            ),
            "help": plain(
                f"Look at cable and power of {stanza.label}, then at its state: labline status, or the dashboard of instruments' health."
            ),
        },
    )


def _life(instrument: SiteInstrument) -> Said:
    """Give the signs of life of an instrument."""
    where = influxql.equal(instrument=instrument.name)
    if not instrument.reports:
        signals.check_stored("internal_gather", "metrics_gathered")
        own = influxql.equal(host=instrument.node, alias=instrument.name)
        return Grown("metrics_gathered", "internal_gather", own)
    field = "up" if instrument.dwells else "readings"
    signals.check_stored("instrument", field)
    if instrument.dwells:
        return Points(field, "instrument", f"{where} AND {identifier(field)} > 0", sample=0)
    return Grown(field, "instrument", where)


def _pauses(instrument: SiteInstrument) -> Iterable[Points]:
    """Give the reports of pauses; what Telegraf reads itself has none."""
    if instrument.reports:
        signals.check_stored("instrument", "paused")
        yield Points("paused", "instrument", influxql.equal(instrument=instrument.name), sample=0)


def channels(instrument: SiteInstrument, site: Site, panel: Panels) -> Iterable[Rule]:
    """Watch each channel for points whose status is ok, as long as the instrument delivers anything at all.

    Without any, nothing begins: that is the stale-data alarm's to tell, once for the instrument. What comes is judged as a
    limit's readings are; that nothing comes, or nothing well, is so of a scanner when its round is over twice.
    """
    if not instrument.stale:
        return
    stanza = instrument.stanza
    for signal in signals.mains(instrument):
        channel = signal.channel
        if not (missed := instrument.missed_after(channel)):
            continue
        if signal.found:
            yield channel_alarms.rule(signal, site, missed, panel)
            continue
        silence = whole(instrument.silence)
        longest = whole(max(silence, missed))
        new = fresh(stanza.interval, site.alarms)
        status = Points(STATUS.name, signal.measurement, signal.where)
        others = Points(STATUS.name, signal.measurement, influxql.equal(instrument=instrument.name), sample=0)
        absent = latches.holds(
            [
                latches.some(others.within(silence)),
                latches.some(others.within(2 * longest, longest)),
                latches.count(status.within(2 * longest), WELL, -1),
            ],
            '"n" = 2',
        )
        faulty = windows(3 * silence, 2 * longest)
        begins = [absent, *latches.begun(status, NOT_WELL, faulty, new)]
        back = windows(max(KEEP_SECONDS, 3 * stanza.interval), 2 * longest)
        question = latches.latch(begins, latches.ended(status, NOT_WELL, back, new))
        yield Rule(
            uid=uid(site.name, instrument.name, channel.id, "channel"),
            title=f"{stanza.label}: no good reading of {channel.label}",
            **alarm_words.latched(question, max(2 * longest, *faulty, *back)),
            panel=panel(signal.key),
            labels=alarm_words.labels(
                site, "warning", "channel", instrument=instrument.name, channel=channel.id, node=instrument.node
            ),
            annotations={
                "summary": plain(
                    f"{stanza.label}: {channel.label} has no good readings, though the instrument delivers"
                ),
                "description": plain(
                    f"Of channel {channel.id} of {stanza.name} ({stanza.driver.title}) no point had the status ok for "
                    f"{duration.words(2 * longest)}, or most of those that came for {duration.words(2 * silence)} had another."
                    f"{alarm_words.read_by(instrument, site)}"
                ),
                "help": plain(alarm_words.no_good_reading(stanza)),
            },
        )


def unsteady(instrument: SiteInstrument, site: Site, panel: Panels) -> Iterable[Rule]:
    """Watch for a connection that is lost and comes back, and for errors that come and go, each too short to be silence.

    An error that lasts is no such thing: the channel tells it. One channel of a scanner that is in error looks as if errors came
    and went.
    """
    if not instrument.reports or not instrument.stale:
        return
    stanza = instrument.stanza
    where = influxql.equal(instrument=instrument.name)
    stretch = whole(max(STRETCH, 4 * stanza.interval))
    seconds = STRETCHES * stretch
    signals.check_stored("instrument", "reconnects", "errors", "up")
    lost = Grown("reconnects", "instrument", where).within(seconds)
    disturbed = [] if stanza.driver.turn else [latches.mixed("errors", "instrument", where, seconds, stretch)]
    reports = Points("up", "instrument", where, sample=0)
    begins = [latches.holds([each], f'"n" >= {UNSTEADY}') for each in (latches.total(lost), *disturbed)]
    there = [latches.some(reports.within(stretch)), latches.some(reports.within(seconds, seconds // 2))]
    calm = latches.holds(
        [*there, latches.total(lost, -1), *(latches.negative(each) for each in disturbed)], f'"n" >= {2 - STEADY}', 0
    )
    yield Rule(
        uid=uid(site.name, instrument.name, "unsteady"),
        title=f"{stanza.label}: connection comes and goes",
        **alarm_words.latched(latches.latch(begins, [calm]), seconds),
        panel=panel(_telegraf.about("instrument", "reconnects")),
        labels=alarm_words.labels(site, "warning", "unsteady", instrument=instrument.name, node=instrument.node),
        annotations={
            "summary": plain(
                f"{stanza.label}{alarm_words.on(instrument, site)} was interrupted again and again in the last {duration.words(seconds)}"
            ),
            "description": plain(
                f"The connection to {stanza.name} ({stanza.driver.title}) was opened anew {UNSTEADY} times or more, or errors came and "
                f"went. Readings are missing in between.{alarm_words.read_by(instrument, site)}"
            ),
            "help": plain(
                f"A loose plug, a long or disturbed cable, another program on the port of {stanza.label}? "
                "The log of Telegraf says what each interruption was."
            ),
        },
    )
