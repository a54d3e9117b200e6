"""What is shown and watched: each reading of a site with its name, query, unit, limits and description.

Panels' thresholds and alert rules are both made from a signal's limits, so they can't differ.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from msgspec import Struct

from provisioning import measurements
from provisioning.limit_rules import sides
from provisioning.limits import Code, either
from provisioning.site import Limit, Site, SiteInstrument
from telegraf_inputs.configured import ANY
from telegraf_inputs.declare import Quantity
from telegraf_inputs.stanza import Channel

from . import influxql, style


class Signal(Struct, frozen=True, kw_only=True):
    """One quantity of one channel of one instrument, or of all its channels that are ``found`` in the data of a stream."""

    instrument: SiteInstrument
    channel: Channel
    quantity: Quantity
    limits: tuple[Limit, ...]

    @property
    def key(self) -> str:
        of = f"{self.measurement} {ANY}" if self.found else self.channel.id
        return f"{self.instrument.name}/{of}/{self.quantity.name}"

    @property
    def found(self) -> bool:
        return bool(self.channel.id == ANY)

    @property
    def measurement(self) -> str:
        return str(self.channel.measurement)

    @property
    def numeric(self) -> bool:
        return self.quantity.numeric

    @property
    def texts(self) -> dict[str, tuple[str, str]]:
        """Say what values mean that are no numbers: value, as Grafana writes it -> (text, colour).

        What the site makes an alarm has the alarm's colour, whatever the driver declares.
        """
        return {
            _key(code): (text, self._severity_colour(code) or colour)
            for code, (text, colour) in self._declared().items()
        }

    def _declared(self) -> dict[Code, tuple[str, str]]:
        """Give the text and colour of each value that has a meaning, before limits are looked at."""
        quantity = self.quantity
        if quantity.choices:
            neutral = list(dict.fromkeys(choice.word for choice in quantity.choices if not choice.severity))
            colours = dict(zip(neutral, itertools.cycle(style.MEANINGLESS), strict=False))
            return {c.code: (c.word, style.GRAVITY.get(c.severity) or colours[c.word]) for c in quantity.choices}
        if quantity.type == "bool":
            return {True: ("on", style.GOOD), False: ("off", style.IDLE)}
        return {code: (str(code), style.NEUTRAL) for limit in self.limits for code in limit.codes}

    def _severity_colour(self, code: Code) -> str:
        """Give the colour of the gravest limit that names a value; empty where none does."""
        found = [limit.severity for limit in self.limits if code in limit.codes]
        return style.SEVERITY["critical" if "critical" in found else "warning"] if found else ""

    @property
    def label(self) -> str:
        """Name it for people, among others of its quantity: the channel's label."""
        return str(self.channel.label)

    @property
    def title(self) -> str:
        """Name it for people, among others of its channel."""
        named = words(self.quantity.name).split()
        # What the label says already is not said twice: "Set point", of the quantity "setpoint number".
        said = next((n for n in range(len(named), 0, -1) if _squeezed("".join(named[:n])) == _squeezed(self.label)), 0)
        return " ".join([self.label, *named[said:]])

    @property
    def description(self) -> str:
        """Describe it: the quantity, the channel, its limits."""
        unit = self.quantity.unit
        parts = [
            f"{self.instrument.stanza.label}: {_lower(self.quantity.description)}",
            self.channel.description,
            *(
                f"{limit.severity.capitalize()} {side} {style.number(value, unit)}"
                for limit in self.limits
                for side, value in sides(limit)
            ),
            *(
                f"{limit.severity.capitalize()} when it is {either(limit.words)}"
                for limit in self.limits
                if limit.codes
            ),
        ]
        return ". ".join(part.rstrip(".") for part in parts if part) + "."

    @property
    def where(self) -> str:
        if not self.found:
            return influxql.equal(instrument=self.instrument.name, channel=self.channel.id)
        named = [c.id for c in self.instrument.stanza.channels if c.measurement == self.measurement]
        return " AND ".join([influxql.equal(instrument=self.instrument.name), *influxql.others("channel", named)])


def of_site(site: Site) -> list[Signal]:
    """List all signals of a site, in the order of the site file."""
    return [signal for instrument in site.instruments for signal in of_instrument(instrument)]


def of_instrument(instrument: SiteInstrument) -> list[Signal]:
    """List the signals of one instrument: every quantity of every channel, and of what stands for those that are found."""
    limits: dict[tuple[int, int], list[Limit]] = {}  # by the identity of channel and quantity
    for limit in instrument.limits:
        limits.setdefault((id(limit.channel), id(limit.quantity)), []).append(limit)
    return [
        Signal(
            instrument=instrument,
            channel=channel,
            quantity=quantity,
            limits=tuple(limits.get((id(channel), id(quantity)), ())),
        )
        for channel in instrument.stanza.declared
        for quantity in channel.quantities.values()
    ]


def shown(instrument: SiteInstrument) -> list[Signal]:
    """Choose what an overview shows of an instrument: of each channel what it is for, and all that has limits."""
    found = []
    for signals in _by_channel(instrument):
        main = _main(signals)
        found += [main, *(s for s in signals if s.limits and s is not main)]
    return found


def mains(instrument: SiteInstrument) -> list[Signal]:
    """Choose of each channel what it is for."""
    return [_main(signals) for signals in _by_channel(instrument)]


def _by_channel(instrument: SiteInstrument) -> Iterable[list[Signal]]:
    by_channel: dict[tuple[str, str], list[Signal]] = {}
    for signal in of_instrument(instrument):
        by_channel.setdefault((signal.measurement, signal.channel.id), []).append(signal)
    return by_channel.values()


def _main(signals: list[Signal]) -> Signal:
    """Choose the quantity that a channel is for: the calibrated one, one with limits, the first number."""
    calibration = signals[0].channel.calibration
    to = calibration.to if calibration else ""
    # False comes before True, and the first of equals wins.
    return min(signals, key=lambda s: (s.quantity.name != to, not s.limits, not s.numeric))


def steps(limits: tuple[Limit, ...], good: str) -> list[tuple[float | None, str]]:
    """Make thresholds of limits: (from which value on, colour), rising; the first has no value."""
    below = sorted((v.below, style.SEVERITY[v.severity]) for v in limits if v.below is not None)
    above = sorted((v.above, style.SEVERITY[v.severity]) for v in limits if v.above is not None)
    ends = [value for value, _ in below]
    return [*zip([None, *ends], [colour for _, colour in below] + [good], strict=True), *above]


def reach(limits: tuple[Limit, ...], *, logarithmic: bool) -> tuple[float | None, float | None]:
    """Tell how far an axis reaches at least: to a little beyond the nearest limits, (below, above); None where there is none."""
    low = max((v.below for v in limits if v.below is not None), default=None)
    high = min((v.above for v in limits if v.above is not None), default=None)
    if logarithmic:
        return (low / 1.5 if low and low > 0 else None), (high * 1.5 if high and high > 0 else None)
    span = high - low if high is not None and low is not None else abs(low or high or 1.0)
    return (None if low is None else low - span / 20), (None if high is None else high + span / 20)


def own_quantity(measurement: str, field: str) -> Quantity:
    """Get what an instrument tells of itself, or Telegraf of the machine and of itself. Raises KeyError for what nobody stores."""
    return {q.name: q for q in measurements.OWN[measurement]}[field]


def check_stored(measurement: str, *fields: str) -> None:
    """Refuse a field that nobody stores: a panel of it would be empty for ever. Raises KeyError."""
    for field in fields:
        own_quantity(measurement, field)


def _key(code: Code) -> str:
    """Write a value as Grafana compares it with those of a mapping."""
    return str(code).lower() if isinstance(code, bool) else str(code)


def words(name: str) -> str:
    """Write a field's name for people."""
    return name.replace("_", " ")


def _squeezed(text: str) -> str:
    return text.replace(" ", "").lower()


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
