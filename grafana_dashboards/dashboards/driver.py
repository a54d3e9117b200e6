"""One dashboard for the instruments of one driver: every quantity of the channels that are chosen, and their limits."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

from grafanalib import core as g
from msgspec import Struct

from provisioning.measurements import STATUS
from provisioning.site import Site, SiteInstrument

from .. import influxql, panels, signals, style, variables
from ..layout import Page
from ..signals import Signal
from . import _frame, _gallery, _instruments

CHOSEN = influxql.chosen("instrument", "channel")
SERIES = "$tag_instrument $tag_channel"  # the name of a series
MOST_PICTURES = 8  # of each address
CROWD_HEIGHT = 10  # of a timeline, where one instrument of many is shown at first
FOUND_LINES = 8  # of a timeline, for channels that are found in the data
PLOTS_A_LINE = {1: 1, 2: 2, 4: 2}  # three of others: no line is left half empty
OPEN_SINGLES, MOST_SINGLES = (
    24,
    200,
)  # more plots start in a closed row; beyond the second, there are none without limits


def build(site: Site, instruments: Sequence[SiteInstrument]) -> g.Dashboard:
    """Make the dashboard of the instruments of one driver."""
    driver = instruments[0].stanza.driver
    found = [signal for instrument in instruments for signal in signals.of_instrument(instrument)]
    page = Page()
    chosen = influxql.chosen("instrument")
    one_kind = len({tuple(i.stanza.measurements) for i in instruments}) == 1  # of others, one says nothing of the rest
    crowd = one_kind and len(instruments) > style.MANY_INSTRUMENTS
    tallest = CROWD_HEIGHT if crowd else _instruments.TALLEST  # of a crowd one is shown at first
    for panel, height in _instruments.timelines(site, instruments, chosen, driver.name):
        page.add(panel, style.WIDTH, min(height, tallest))
    # What has a page of its own is shown apart there, and of pictures, the pictures.
    here = [signal for signal in found if not signal.channel.stream.page and not signal.quantity.picture]
    # A field has one unit in a measurement.
    for same in _by(lambda signal: (signal.measurement, signal.quantity.name), here):
        for part in _by_pace(same):
            if not same[0].numeric:
                for alike in _by_meaning(part):
                    page.add(_states(alike, instruments), style.WIDTH, min(_height(alike), tallest))
            elif len(same) > 1:  # one alone has a plot of its own below
                height = style.PLOT_HEIGHT + min(4, len(part.signals) // 12)
                page.add(_course(part, instruments, site), style.WIDTH, height)
    own = [signal for signal in found if not signal.channel.stream.page]
    pictures = _gallery.add(page, own, CHOSEN, MOST_PICTURES, "The newest pictures")
    page.row("What the channels report")
    channels = list({(s.instrument.name, s.measurement, s.channel.id): s for s in found}.values())
    for same in _by(lambda signal: signal.measurement, channels):
        for part in _by_pace(same):
            page.add(_status(part, instruments), style.WIDTH, min(_height(part), tallest))
    if crowd:
        _crowd(page, here, instruments, site)
    else:
        _singles(page, [s for s in found if s.limits or s in here], instruments)
    many = crowd or (len(channels) > style.MANY_SERIES and len(instruments) > 1)
    first = instruments[0].name if many else None
    choices = [
        variables.choice(
            "instrument", "Instrument", _instruments.labels(instruments), "Which instruments are shown", first
        ),
        _channel_variable(instruments, chosen),
        *pictures,
    ]
    description = f"{driver.title}: all that its channels measure. The variables choose what the upper plots show."
    return _frame.dashboard(site, driver.name, driver.title, description, page, choices, tags=(_frame.DRIVERS,))


def _singles(page: Page, found: list[Signal], instruments: Sequence[SiteInstrument]) -> None:
    """Give each signal a plot of its own, in a row for each instrument; where there are very many, only those with limits.

    So it is with what is no number, which has its own line above.
    """
    chosen = [signal for signal in found if signal.limits or (signal.numeric and len(found) <= MOST_SINGLES)]
    shown = 0
    for instrument in instruments:
        own = [signal for signal in chosen if signal.instrument is instrument]
        shown += len(own)
        _row(page, f"{instrument.stanza.label}, each channel", own, collapsed=shown > OPEN_SINGLES)


def _crowd(page: Page, found: list[Signal], instruments: Sequence[SiteInstrument], site: Site) -> None:
    """Give each channel a plot that shows the instruments that are chosen, and those with limits one of their own, in a closed row."""
    numbers = [signal for signal in found if signal.numeric and not signal.found]
    alike = list(_by(lambda s: (s.measurement, s.channel.id, s.quantity.name), numbers))
    if len(alike) > len({(s.measurement, s.quantity.name) for s in numbers}):  # else it is what stands above
        page.row("The chosen instruments, each channel")
    else:
        alike = []
    for same in alike[:OPEN_SINGLES]:
        page.add(
            _of_chosen(same, instruments, site), style.WIDTH // PLOTS_A_LINE.get(len(alike), 3), style.PLOT_HEIGHT - 1
        )
    _row(page, "Channels with limits, of all instruments", [s for s in found if s.limits], collapsed=True)


def _row(page: Page, title: str, shown: list[Signal], *, collapsed: bool) -> None:
    """Put signals' own plots into a row."""
    if shown:
        page.row(title, collapsed=collapsed)
    for signal in shown:
        panel = _each(signal) if signal.found else _single(signal) if signal.numeric else _single_states(signal)
        page.add(panel, style.WIDTH // PLOTS_A_LINE.get(len(shown), 3), style.PLOT_HEIGHT - 1)


def _of_chosen(same: list[Signal], instruments: Sequence[SiteInstrument], site: Site) -> panels.TimeSeries:
    """Plot one quantity of one channel, of the instruments that are chosen."""
    first = same[0]
    quantity, labels = first.quantity, list(dict.fromkeys(signal.label for signal in same))
    where = f"{influxql.chosen('instrument')} AND {influxql.equal(channel=first.channel.id)}"
    query = influxql.series(
        influxql.call("mean", quantity.name), first.measurement, where, ("instrument",), fill="null"
    )
    return panels.TimeSeries(
        title=f"{labels[0] if len(labels) == 1 else first.channel.id} {signals.words(quantity.name)}{style.named_unit(quantity)}",
        description=f"{quantity.description.rstrip('.')}: the mean of each interval, of the instruments that are chosen.",
        targets=panels.targets((query, "$tag_instrument")),
        transformations=panels.renamed(_instruments.labels(instruments)) if len(same) <= style.MANY_NAMES else [],
        dataLinks=[_frame.link(site, _frame.HEALTH, "Health", instrument="${__field.labels.instrument}")],
        logarithmic=style.spans_decades(quantity),
        unit=style.unit(quantity),
        decimals=style.axis_decimals(quantity),
        **_drawn([signal.instrument for signal in same]),
    )


def _by(key: Callable[[Signal], Hashable], found: list[Signal]) -> Iterable[list[Signal]]:
    """Group signals by what they have in common, in the order in which they are declared."""
    groups: dict[Hashable, list[Signal]] = {}
    for signal in found:
        groups.setdefault(key(signal), []).append(signal)
    return groups.values()


class Alike(Struct, frozen=True, kw_only=True):
    """Signals that share a panel, for their instruments have one pace; ``which`` and ``where`` as in _instruments.Pace."""

    signals: list[Signal]
    which: str
    where: str

    @property
    def drawn(self) -> dict[str, Any]:
        return _drawn([s.instrument for s in self.signals])


def _by_pace(same: list[Signal]) -> Iterator[Alike]:
    """Part signals where some instruments are much slower than others."""
    instruments = {s.instrument.name: s.instrument for s in same}
    for part in _instruments.paces(list(instruments.values()), _instruments.channel_gap):
        names = {i.name for i in part.instruments}
        where = " AND ".join(filter(None, (CHOSEN, part.where)))
        yield Alike(signals=[s for s in same if s.instrument.name in names], which=part.which, where=where)


def _by_meaning(part: Alike) -> list[Alike]:
    """Part signals whose values mean different things: a panel has one set of words and colours."""
    found = list(_by(lambda signal: tuple(signal.texts.items()), part.signals))
    if len(found) == 1:
        return [part]
    return [
        Alike(
            signals=alike,
            which=f"{part.which}: {_instruments.some(signal.label for signal in alike)}",
            where=f"{part.where} AND {influxql.any_of(signal.where for signal in alike)}",
        )
        for alike in found
    ]


def _height(part: Alike) -> int:
    """Give a timeline its height; how many channels will be found nobody knows."""
    return _instruments.timeline_height(sum(FOUND_LINES if signal.found else 1 for signal in part.signals))


def _channel_variable(instruments: Sequence[SiteInstrument], chosen: str) -> variables.Variable:
    about = ("channel", "Channel")
    text = "Which of their channels are shown"
    if not any(instrument.stanza.others for instrument in instruments):
        return variables.choice(*about, _channels(instruments), text)
    measurements = dict.fromkeys(name for instrument in instruments for name in instrument.stanza.measurements)
    return variables.found(*about, list(measurements), chosen, text)


def _channels(instruments: Sequence[SiteInstrument]) -> dict[str, str]:
    """Name channels for people: id -> its labels, and the id where they are not alone."""
    found: dict[str, list[str]] = {}
    for instrument in instruments:
        for channel in instrument.stanza.channels:
            labels = found.setdefault(channel.id, [])
            if channel.label not in labels:
                labels.append(channel.label)
    names = {channel: ", ".join(labels[:3]) for channel, labels in found.items()}
    alike = {text for text in names.values() if list(names.values()).count(text) > 1}
    return {
        channel: f"{text} ({channel})" if text in alike or len(found[channel]) > 1 else text
        for channel, text in names.items()
    }


def _named(same: list[Signal], instruments: Sequence[SiteInstrument]) -> list[dict[str, Any]]:
    """Name the series for people; in a crowd they keep their short names."""
    if len(same) > style.MANY_NAMES:
        return []
    return panels.beginnings(
        {
            f"{s.instrument.name} ": "" if len(instruments) == 1 else f"{s.instrument.stanza.label}: "
            for s in same
            if s.found
        }
    ) + panels.renamed(
        {
            f"{s.instrument.name} {s.channel.id}": s.label
            if len(instruments) == 1
            else f"{s.instrument.stanza.label}: {s.label}"
            for s in same
            if not s.found
        }
    )


def _course(part: Alike, instruments: Sequence[SiteInstrument], site: Site) -> panels.TimeSeries:
    """Plot one quantity of all channels that are chosen."""
    first = part.signals[0]
    quantity = first.quantity
    query = influxql.series(
        influxql.call("mean", quantity.name), first.measurement, part.where, ("instrument", "channel"), fill="null"
    )
    return panels.TimeSeries(
        title=f"{signals.words(quantity.name).capitalize()}{style.named_unit(quantity)}{part.which}",
        description=f"{quantity.description.rstrip('.')}: the mean of each interval.",
        targets=panels.targets((query, SERIES)),
        transformations=_named(part.signals, instruments),
        dataLinks=[_frame.link(site, _frame.HEALTH, "Health", instrument="${__field.labels.instrument}")],
        logarithmic=style.spans_decades(quantity),
        unit=style.unit(quantity),
        decimals=style.axis_decimals(quantity),
        **part.drawn,
    )


def _each(signal: Signal) -> panels.TimeSeries:
    """Plot one quantity of the channels of one instrument that are found in the data."""
    quantity = signal.quantity
    where = f"{signal.where} AND {influxql.chosen('channel')}"
    query = influxql.series(influxql.call("mean", quantity.name), signal.measurement, where, ("channel",), fill="null")
    return panels.TimeSeries(
        title=f"{signal.title}{style.named_unit(quantity)}",
        targets=panels.targets((query, "$tag_channel")),
        description=f"{signal.description} The mean of each interval, of the channels that are found in the data.",
        logarithmic=style.spans_decades(quantity),
        unit=style.unit(quantity),
        decimals=style.axis_decimals(quantity),
        **_drawn([signal.instrument]),
    )


def _single(signal: Signal) -> panels.TimeSeries:
    """Plot one signal with the band of its readings and its limits, which are seen before they are passed; its alarms lead here."""
    quantity = signal.quantity
    least, most = signals.reach(signal.limits, logarithmic=style.vacuum(quantity))
    what = f'{influxql.call("mean", quantity.name)} AS "mean", {influxql.lowest(quantity.name)} AS "min", {influxql.highest(quantity.name)} AS "max"'
    return panels.TimeSeries(
        title=f"{signal.title}{style.named_unit(quantity)}",
        about=signal.key,
        targets=panels.targets((influxql.series(what, signal.measurement, signal.where, fill="null"), "$col")),
        description=f"{signal.description} Line: mean of each interval; band: smallest to largest reading in it.",
        legend=False,
        logarithmic=style.vacuum(quantity),
        below="min",
        filled=10,
        limits=bool(signal.limits),
        soft_least=least,
        soft_most=most,
        steps=signals.steps(signal.limits, style.CLEAR),
        overrides=[
            panels.override("mean", color=panels.colour(style.NEUTRAL)),
            panels.override("min", "max", color=panels.colour(style.BAND)),
        ],
        unit=style.fine_unit(quantity),
        decimals=style.axis_decimals(quantity),
        **_drawn([signal.instrument]),
    )


def _drawn(instruments: Sequence[SiteInstrument]) -> dict[str, Any]:
    """Say how often there are points, and from how long on their absence is a gap."""
    return {"gap": _instruments.channel_gap(instruments), "interval": _instruments.interval(instruments)}


def _states(part: Alike, instruments: Sequence[SiteInstrument]) -> panels.StateTimeline:
    """Show a quantity that is no number."""
    first = part.signals[0]
    title = f"{signals.words(first.quantity.name).capitalize()}{part.which}"
    return _timeline(
        part,
        instruments,
        first.quantity.name,
        title=title,
        description=f"{first.quantity.description}.",
        **panels.meaning(first),
    )


def _single_states(signal: Signal) -> panels.StateTimeline:
    """Show a signal that is no number by itself; its alarms lead here."""
    query = influxql.series(influxql.call("last", signal.quantity.name), signal.measurement, signal.where, fill="null")
    return panels.StateTimeline(
        title=signal.title,
        about=signal.key,
        description=signal.description,
        targets=panels.targets((query, signal.label)),
        **panels.meaning(signal),
        **_drawn([signal.instrument]),
    )


def _status(part: Alike, instruments: Sequence[SiteInstrument]) -> panels.StateTimeline:
    """Show what each channel says of itself."""
    mild = [
        c.word
        for s in part.signals
        for q in s.channel.quantities.values()
        for c in q.choices
        if c.severity == "warning"
    ]
    texts = {"ok": ("ok", style.GOOD), **{word: (word, style.WARNING) for word in mild}}
    return _timeline(
        part,
        instruments,
        STATUS.name,
        mappings=[panels.mapping(texts)],
        title=f"Status of channels{part.which}",
        steps=[(None, style.CRITICAL)],
        description="ok, or what is wrong with the reading (the driver's page lists the words).",
    )


def _timeline(part: Alike, instruments: Sequence[SiteInstrument], field: str, **more: Any) -> panels.StateTimeline:
    measurement = part.signals[0].measurement
    query = influxql.series(
        influxql.call("last", field), measurement, part.where, ("instrument", "channel"), fill="null"
    )
    return panels.StateTimeline(
        targets=panels.targets((query, SERIES)),
        transformations=_named(part.signals, instruments),
        **part.drawn,
        **more,
    )
