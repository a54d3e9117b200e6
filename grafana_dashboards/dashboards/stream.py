"""Dashboards of streams whose tags tell things apart, such as projects: each is shown apart, and can be chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from grafanalib import core as g
from msgspec import Struct

from provisioning.influxql import identifier
from provisioning.site import Site, SiteInstrument
from telegraf_inputs.declare import Quantity, Stream

from .. import influxql, panels, signals, style, variables
from ..layout import Page
from ..signals import Signal
from . import _frame, _gallery, _instruments

MOST_ROWS = 50  # of a table of what happened last
MOST_PICTURES = 24
INSTRUMENT, CHANNEL = "instrument", "channel"


class ShownStream(Struct, frozen=True, kw_only=True):
    """A stream, and the signals of the channels that deliver it."""

    stream: Stream
    signals: list[Signal]

    @property
    def by(self) -> tuple[str, ...]:
        """Tell by which tags it is shown apart."""
        return tuple(self.stream.tags) or (CHANNEL,)

    @property
    def instruments(self) -> list[SiteInstrument]:
        return list({s.instrument.name: s.instrument for s in self.signals}.values())

    @property
    def quantities(self) -> list[Quantity]:
        return list({s.quantity.name: s.quantity for s in self.signals}.values())


def every(site: Site) -> dict[str, g.Dashboard]:
    """Make the dashboards of streams that have their own: file's name -> dashboard."""
    pages: dict[str, dict[str, list[Signal]]] = {}
    for signal in signals.of_site(site):
        if signal.channel.stream.page:
            pages.setdefault(_frame.page_of(signal), {}).setdefault(signal.measurement, []).append(signal)
    taken = {*_frame.TITLES.values(), *(str(i.stanza.driver.title) for i in site.instruments)}
    made: dict[str, g.Dashboard] = {}
    for name, streams in pages.items():
        shown = [ShownStream(stream=of[0].channel.stream, signals=of) for of in streams.values()]
        title = shown[0].stream.page
        if title in taken:  # Grafana would write neither
            title = f"{title}: {shown[0].instruments[0].stanza.driver.title}"
        taken.add(title)
        made[name] = _build(site, name, title, shown)
    return made


def _build(site: Site, name: str, title: str, shown: Sequence[ShownStream]) -> g.Dashboard:
    instruments = list({i.name: i for one in shown for i in one.instruments}.values())
    labels = _instruments.labels(instruments)
    tags = [tag for tag in shown[0].stream.tags if all(tag in one.stream.tags for one in shown)]
    where = influxql.chosen(INSTRUMENT, *tags)
    choices = [
        variables.choice(INSTRUMENT, "Instrument", labels, "Which instruments are shown"),
        *_choices(tags, shown),
    ]
    page = Page()
    choices += _gallery.add(page, [signal for one in shown for signal in one.signals], where, MOST_PICTURES)
    for one in shown:
        if one.stream.kind == "sample" and one.stream.tags:
            page.add(_now(one, where, labels), style.WIDTH, style.PLOT_HEIGHT - 2)
            continue
        numbers = [q for q in one.quantities if q.numeric and not q.count]
        for number, quantity in enumerate(numbers, 1):
            alone = number == len(numbers) and number % 2
            page.add(_course(one, quantity, where), style.WIDTH if alone else style.WIDTH // 2, style.PLOT_HEIGHT)
        if one.stream.tags:
            page.add(_rows(one, where, labels), style.WIDTH, style.PLOT_HEIGHT + 2)
        elif len(numbers) < len(one.quantities):
            page.add(_now(one, where, labels), style.WIDTH, style.PLOT_HEIGHT - 2)
    of = shown[0].instruments[0].stanza.driver.title
    description = f"{of}: {title}. The variables choose what is shown."
    return _frame.dashboard(site, name, title, description, page, choices, tags=(_frame.DRIVERS,))


def _choices(tags: list[str], shown: Sequence[ShownStream]) -> Iterator[variables.Variable]:
    measurements = [one.stream.measurement for one in shown]
    for number, tag in enumerate(tags):
        where = influxql.chosen(INSTRUMENT, *tags[:number])
        yield variables.found(
            tag, tag.capitalize(), measurements, where, f"Which are shown: {shown[0].stream.tags[tag]}"
        )


def _now(one: ShownStream, where: str, labels: dict[str, str]) -> panels.Table:
    """Show the newest values of each that the tags tell apart."""
    what = ", ".join(f"{influxql.call('last', q.name)} AS {identifier(q.name)}" for q in one.quantities)
    query = influxql.newest(what, one.stream.measurement, (INSTRUMENT, *one.by), where)
    title = ", ".join(dict.fromkeys(s.label for s in one.signals))
    return _table(
        one, query, labels, without=("Time",), title=title, description="The newest values in the time range."
    )


def _rows(one: ShownStream, where: str, labels: dict[str, str]) -> panels.Table:
    """Show what happened last, the newest first."""
    what = ", ".join(map(identifier, (INSTRUMENT, *one.stream.tags, *(q.name for q in one.quantities))))
    query = influxql.latest(what, one.stream.measurement, where, MOST_ROWS)
    text = f"The newest {MOST_ROWS} in the time range."
    return _table(one, query, labels, first={"Time": "Time"}, title="The newest", description=text)


def _table(
    one: ShownStream,
    query: str,
    labels: dict[str, str],
    *,
    first: dict[str, str] | None = None,
    without: tuple[str, ...] = (),
    **more: Any,
) -> panels.Table:
    headings = {tag: tag.capitalize() for tag in (INSTRUMENT, *one.by)}
    headings |= {q.name: _heading(q) for q in one.quantities}
    return panels.Table(
        targets=[panels.target(query, table=True)],
        transformations=[panels.columns({**(first or {}), **headings}, without=without)],
        mappings=[panels.mapping({name: (label, style.IDLE) for name, label in labels.items()})],
        unit="none",
        **more,
    )


def _heading(quantity: Quantity) -> str:
    return f"{signals.words(quantity.name).capitalize()}{f' ({quantity.unit})' if quantity.unit else ''}"


def _course(one: ShownStream, quantity: Quantity, where: str) -> panels.TimeSeries:
    """Plot a quantity, a line for each that the tags tell apart; with its limits, where those of all instruments are the same."""
    tagged = bool(one.stream.tags)
    query = influxql.series(
        influxql.call("mean", quantity.name),
        one.stream.measurement,
        where,
        (INSTRUMENT, *one.by),
        fill="null" if one.stream.kind == "sample" else "none",
    )
    name = " ".join(f"$tag_{tag}" for tag in (one.by if tagged else (INSTRUMENT, *one.by)))
    of_each = [s.limits for s in one.signals if s.quantity.name == quantity.name]
    borders = {tuple((v.severity, v.below, v.above) for v in limits) for limits in of_each}
    limits = of_each[0] if len(borders) == 1 else ()
    least, most = signals.reach(limits, logarithmic=False) if limits else (None, None)
    return panels.TimeSeries(
        title=f"{_titled(one, quantity)}{style.named_unit(quantity)}",
        description=f"{quantity.description.rstrip('.')}: the mean of each interval.",
        targets=panels.targets((query, name)),
        transformations=[] if tagged else panels.renamed(_names(one)),
        gap=_instruments.channel_gap(one.instruments) if one.stream.kind == "sample" else None,
        unit=style.fine_unit(quantity),
        interval=_instruments.interval(one.instruments),
        limits=bool(limits),
        soft_least=least,
        soft_most=most,
        steps=signals.steps(limits, style.CLEAR),
    )


def _titled(one: ShownStream, quantity: Quantity) -> str:
    """Name a plot; where all channels are called the same, by them, too: others of its page may have such a quantity."""
    of = [s for s in one.signals if s.quantity.name == quantity.name]
    alike = not one.stream.tags and len({s.label for s in of}) == 1
    return of[0].title if alike else signals.words(quantity.name).capitalize()


def _names(one: ShownStream) -> dict[str, str]:
    """Name series for people: instrument and channel -> their labels, of which the channels' are left out where they are the same."""
    several = len({s.label for s in one.signals}) > 1
    return {
        f"{s.instrument.name} {s.channel.id}": f"{s.instrument.stanza.label}{f': {s.label}' if several else ''}"
        for s in one.signals
    }
