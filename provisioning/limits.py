"""Limits of a channel's quantities: checked against the quantity's unit and range, or against the words of its codes."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable
from typing import Any

from msgspec import Struct

from telegraf_inputs import duration
from telegraf_inputs.declare import ABOVE_ZERO, Quantity
from telegraf_inputs.errors import BadInput, noted, shown, suggestion
from telegraf_inputs.stanza import Channel

from . import site_file, units
from .contact_point import Severity
from .convert import convert

Code = int | str | bool
SEVERITIES: tuple[Severity, ...] = ("warning", "critical")


class Limit(Struct, frozen=True, kw_only=True):
    """When one quantity of one channel is an alarm.

    Of a number, ``above``, ``below`` (one may be None) and ``hysteresis`` are in its unit; of what is no number, ``codes``
    are the values that are an alarm. ``for_`` is in seconds; ``help``: what to do.
    """

    channel: Channel
    quantity: Quantity
    severity: Severity
    above: float | None
    below: float | None
    codes: tuple[Code, ...]
    hysteresis: float
    for_: float
    help: str

    @property
    def words(self) -> dict[str, list[Code]]:
        """List the words that are an alarm, with the codes of each: two codes may mean the same."""
        found: dict[str, list[Code]] = {}
        for code in self.codes:
            found.setdefault(word(self.quantity, code), []).append(code)
        return found


def word(quantity: Quantity, code: object) -> str:
    """Say what a value means that is no number; a code that is not declared stands for itself."""
    choice = quantity.choice(code)
    return choice.word if choice else str(code).lower() if isinstance(code, bool) else str(code)


def either(words: Iterable[str]) -> str:
    """List words of which one is enough: ``a, b or c``."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def of_channel(channel: Channel, for_: float, interval: float, errors: list[BadInput]) -> list[Limit]:
    """Read the limits of a channel; ``for_`` is the site's (s), ``interval`` the instrument's (s).

    Mistakes go to ``errors``, with their path inside the channel.
    """
    limits = []
    for name, data in channel.limits.items():
        if name not in channel.quantities:  # that is told
            continue
        with noted(errors, "limits", name) as found:
            limits += _of_quantity(channel, channel.quantities[name], data, _usual_wait(channel, for_, interval), found)
            if not found:
                with noted(errors, "limits", name, "for"):
                    _check_wait(limits[-1], interval)
    return limits


def _usual_wait(channel: Channel, for_: float, interval: float) -> float:
    """Tell how long (s) a value must be beyond a limit that says nothing of it: two readings are an interval apart."""
    return 0.0 if channel.stream.kind == "event" or not for_ else max(for_, interval)


def _check_wait(limit: Limit, interval: float) -> None:
    """Refuse a wait in which no two readings come: an alarm that waits needs them."""
    if not limit.for_:
        return
    wait, rest = duration.words(limit.for_), "0s: the first reading beyond the limit is an alarm"
    if limit.channel.stream.kind == "event":
        raise BadInput(f"is {wait}, but a reading comes when something happens, and no second one; expected {rest}")
    if limit.for_ < interval:
        raise BadInput(
            f"is {wait}, but a reading comes every {duration.words(interval)}, and an alarm that waits needs two; "
            f"expected {duration.words(interval)} or longer, or {rest}"
        )


def check_empty(stanza: Any, errors: list[BadInput]) -> None:
    """Tell of `limits:` without any: whoever wrote it believes that there is an alarm."""
    channels = stanza.get("channels") if isinstance(stanza, dict) else None
    for name, channel in channels.items() if isinstance(channels, dict) else ():
        if isinstance(channel, dict) and "limits" in channel and not channel["limits"]:
            expected = "QUANTITY: {warning: {above: VALUE}, critical: …}, or no limits: at all"
            errors.append(BadInput(f"is empty: nothing would alarm; expected {expected}", ("channels", name, "limits")))


def check_keys(stanza: Any, understood: Container[str], errors: list[BadInput]) -> None:
    """Look at the keys of the limits of channels that are not ``understood``: other mistakes leave unknown what they deliver."""
    channels = stanza.get("channels") if isinstance(stanza, dict) else None
    for name, channel in channels.items() if isinstance(channels, dict) else ():
        limits = channel.get("limits") if isinstance(channel, dict) and name not in understood else None
        for quantity, data in limits.items() if isinstance(limits, dict) else ():
            with noted(errors, "channels", name, "limits", quantity) as found:
                convert(data, site_file.Limits, found)


def _of_quantity(channel: Channel, quantity: Quantity, data: Any, for_: float, errors: list[BadInput]) -> list[Limit]:
    written = convert(data, site_file.Limits, errors)
    if written is None:
        return []
    hysteresis = 0.0
    with noted(errors, "hysteresis"):
        if written.hysteresis and not quantity.numeric:
            raise BadInput(f"is for numbers; {quantity.name!r} is {_kind(quantity)}, which is a word or another")
        hysteresis = units.read(written.hysteresis, quantity.unit, difference=True)
        if hysteresis < 0:
            raise BadInput(f"found {written.hysteresis!r}, expected 0 or more")
    result = []
    for severity in SEVERITIES:
        threshold: site_file.Threshold | None = getattr(written, severity)
        if threshold is None:
            continue
        values: dict[str, float | None] = {"above": None, "below": None}
        codes: tuple[Code, ...] = ()
        for key in values:
            value = getattr(threshold, key)
            if value is not None:
                with noted(errors, severity, key):
                    if not quantity.numeric:
                        raise BadInput(f"is for numbers; {quantity.name!r} is {_kind(quantity)}: {_expected(quantity)}")
                    values[key] = units.read(value, quantity.unit)
        if threshold.alarm_when:
            with noted(errors, severity, "alarm_when") as found:
                codes = _codes(threshold.alarm_when, quantity, found)
        elif threshold.above is None and threshold.below is None:
            errors.append(BadInput(f"is empty; {_expected(quantity)}", (severity,)))
        limit = Limit(
            channel=channel,
            quantity=quantity,
            severity=severity,
            above=values["above"],
            below=values["below"],
            codes=codes,
            hysteresis=hysteresis,
            for_=for_ if written.for_ is None else written.for_,
            help=written.help,
        )
        result.append(limit)
    if written.warning is None and written.critical is None:
        errors.append(
            BadInput(f"has no limit; expected warning: or critical:, {_expected(quantity).replace('expected', 'with')}")
        )
    if errors:
        return []
    for limit in result:
        with noted(errors):
            _check(limit)
    if len(result) == 2 and not errors:
        _check_order(*result)
    return result


def _kind(quantity: Quantity) -> str:
    if quantity.numeric:
        return "a number"
    return "a code" if quantity.choices else {"bool": "true or false", "str": "a text"}[quantity.type]


def _expected(quantity: Quantity) -> str:
    if quantity.numeric:
        return "expected above: VALUE, below: VALUE, or both"
    if quantity.choices:
        return f"expected alarm_when: [WORD, …], with words among {', '.join(_words(quantity))}"
    return f"expected alarm_when: {'[true] or [false]' if quantity.type == 'bool' else '[TEXT, …]'}"


def _words(quantity: Quantity) -> list[str]:
    return list(dict.fromkeys(choice.word for choice in quantity.choices))


def _codes(written: tuple[Any, ...], quantity: Quantity, errors: list[BadInput]) -> tuple[Code, ...]:
    """Read the words at which a quantity is an alarm."""
    if quantity.numeric:
        raise BadInput(f"is for codes, texts, true and false; {quantity.name!r} is a number: {_expected(quantity)}")
    found: list[Code] = []
    for index, each in enumerate(written):
        with noted(errors, index):
            if each in written[:index]:
                raise BadInput(f"{shown(each)} stands there twice")
            found += _meant(each, quantity)
    every = {choice.code for choice in quantity.choices} or ({True, False} if quantity.type == "bool" else set())
    if every and every <= set(found):
        raise BadInput(f"is always on: {quantity.name!r} is always one of these")
    return tuple(found)


def _meant(written: Any, quantity: Quantity) -> list[Code]:
    """Find the values that one word of ``alarm_when`` means."""
    if quantity.choices:
        if codes := [choice.code for choice in quantity.choices if isinstance(written, str) and choice.word == written]:
            return codes
        choice = None if isinstance(written, str) else quantity.choice(written)
        hint = f"its word, {choice.word!r}" if choice else suggestion(str(written), _words(quantity))
        raise BadInput(f"found {shown(written)}, expected a word of {quantity.name!r}; {hint}")
    if not isinstance(written, bool if quantity.type == "bool" else str):
        quotes = "true or false" if quantity.type == "bool" else "a text; write it in quotes"
        raise BadInput(f"found {shown(written)}, expected {quotes}")
    return [written]


def _check(limit: Limit) -> None:
    """Refuse limits that can never hold, or always do."""
    quantity, unit = limit.quantity, f" {limit.quantity.unit}".rstrip()
    if limit.above is not None and limit.below is not None:
        band = limit.above - limit.below
        if band <= 0:
            raise BadInput(
                f"is always on: above {limit.above:g}{unit} and below {limit.below:g}{unit} leave nothing that is well",
                (limit.severity,),
            )
        if limit.hysteresis >= band:
            raise BadInput(
                f"{limit.hysteresis:g}{unit} is wider than the band {limit.below:g} … {limit.above:g}{unit} "
                f"of {limit.severity!r}: such an alarm never ends",
                ("hysteresis",),
            )
    for key, value in (("above", limit.above), ("below", limit.below)):
        if value is None:
            continue
        beyond_high = quantity.high is not None and value >= quantity.high
        beyond_low = quantity.least is not None and value <= quantity.least
        if (key == "above" and beyond_high) or (key == "below" and beyond_low):
            raise BadInput(
                f"{value:g}{unit} can never be passed: {quantity.name!r} reaches from {_end(quantity.least)} to "
                f"{_end(quantity.high)}{unit}",
                (limit.severity, key),
            )
        _check_end(limit, key, value)


def _check_end(limit: Limit, key: str, value: float) -> None:
    """Refuse a limit that no value ever comes back over."""
    quantity, unit = limit.quantity, f" {limit.quantity.unit}".rstrip()
    low, high = quantity.low, quantity.high
    zero = -math.inf if quantity.difference else units.least(quantity.unit)
    if zero < value and (low is None or low < zero):
        low = zero
    back = value - limit.hysteresis if key == "above" else value + limit.hysteresis
    end, beyond = (low, -1) if key == "above" else (high, 1)
    if end is None:
        return
    if (value - end) * beyond > 0:
        raise BadInput(
            f"is always on: {quantity.name!r} reaches from {_end(low)} to {_end(high)}{unit}", (limit.severity, key)
        )
    if limit.hysteresis and (back - end) * beyond >= 0:
        raise BadInput(
            f"{limit.hysteresis:g}{unit} is too wide for {limit.severity}.{key} ({value:g}{unit}): that alarm ends "
            f"{'below' if key == 'above' else 'above'} {back:g}{unit}, which no value reaches",
            ("hysteresis",),
        )


def _check_order(warning: Limit, critical: Limit) -> None:
    """Refuse a warning that comes after the critical alarm, and two that leave nothing between them."""
    unit = f" {warning.quantity.unit}".rstrip()
    if both := warning.words.keys() & critical.words.keys():
        raise BadInput(f"{min(both)!r} stands in critical too; expected it in one of them", ("warning", "alarm_when"))
    if warning.above is not None and critical.above is not None and warning.above >= critical.above:
        raise BadInput(
            f"{warning.above:g}{unit} must be less than critical.above ({critical.above:g}{unit}): it comes first",
            ("warning", "above"),
        )
    if warning.below is not None and critical.below is not None and warning.below <= critical.below:
        raise BadInput(
            f"{warning.below:g}{unit} must be more than critical.below ({critical.below:g}{unit}): it comes first",
            ("warning", "below"),
        )
    for high, low in ((warning, critical), (critical, warning)):
        if high.above is None or low.below is None:
            continue
        if high.above <= low.below:
            raise BadInput(
                f"{high.above:g}{unit} must be more than {low.severity}.below ({low.below:g}{unit}): "
                "no value would be well",
                (high.severity, "above"),
            )
        if high.hysteresis >= high.above - low.below:
            raise BadInput(
                f"{high.hysteresis:g}{unit} is wider than the band from {low.severity}.below ({low.below:g}{unit}) to "
                f"{high.severity}.above ({high.above:g}{unit}): one alarm would end where the other has begun",
                ("hysteresis",),
            )


def _end(value: float | None) -> str:
    return "anything" if value is None else "0" if value == ABOVE_ZERO else f"{value:g}"
