"""Derived channels of a site: what their expressions name, in what order they are computed, in which units."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from telegraf_inputs import expression
from telegraf_inputs.declare import Quantity
from telegraf_inputs.derived_script import Computation, Computed, Input
from telegraf_inputs.errors import BadInput, suggestion
from telegraf_inputs.native.derived import MAX_AGE, Derived
from telegraf_inputs.stanza import Channel, Stanza

from . import derived_units

INTERVALS = 3  # of its instrument, until a reading is too old
Path = tuple[str | int, ...]
Place = tuple[str, str, str]  # instrument, channel, quantity


def plan(stanzas: Sequence[Stanza], first_node: str, paced: Container[str]) -> Iterator[tuple[Stanza, BadInput]]:
    """Find what a site's derived channels are computed of, and note it in their stanzas: ``computation``, ``interval``.

    ``paced``: the names of those whose stanza says an interval. Yields what is wrong, with the path inside the stanza.
    """
    derived = [stanza for stanza in stanzas if is_derived(stanza)]
    if not derived:
        return
    known = _Named(stanzas, first_node)
    wrong: dict[str, list[BadInput]] = {stanza.name: [] for stanza in derived}
    found = {stanza.name: _found(stanza, known, wrong[stanza.name]) for stanza in derived}
    if not any(wrong.values()):
        for stanza, mistake in _circles(derived, found):
            wrong[stanza.name].append(mistake)
    if not any(wrong.values()):
        for stanza in in_order(derived, found):
            _pace_of(stanza, found[stanza.name], wrong[stanza.name], paced)
            _compute(stanza, found[stanza.name], wrong[stanza.name])
            if wrong[stanza.name]:
                break  # what is computed of it would have the same faults
    for stanza in derived:
        for mistake in wrong[stanza.name]:
            yield stanza, mistake


def is_derived(stanza: Stanza) -> bool:
    """Tell whether an instrument is computed of others."""
    return issubclass(stanza.driver, Derived)


class _Found:
    """A channel's quantity that an expression names."""

    def __init__(self, stanza: Stanza, channel: Channel, quantity: str):
        self.stanza, self.channel, self._quantity = stanza, channel, quantity

    @property
    def quantity(self) -> Quantity:
        return self.channel.quantities[self._quantity]

    @property
    def place(self) -> Place:
        return self.stanza.name, self.channel.id, self._quantity


class _Named:
    """All numbers of a site by the names that they go by, whole and short."""

    def __init__(self, stanzas: Sequence[Stanza], first_node: str):
        self._first_node = first_node
        self._by: dict[str, list[_Found]] = defaultdict(list)
        for stanza in stanzas:
            for channel in stanza.channels:
                for quantity in channel.quantities.values():
                    found = _Found(stanza, channel, quantity.name)
                    whole = ".".join(found.place)
                    short = (f"{stanza.name}.{channel.id}", f"{stanza.name}.{quantity.name}")
                    for name in (whole, *short):
                        self._by[name].append(found)

    def find(self, name: str, of: Stanza) -> _Found:
        """Find what is meant by a name. Raises BadInput."""
        found = self._by.get(name, [])
        numbers = [each for each in found if each.quantity.numeric] or found
        # A quantity that is named whole is meant, also where a channel is called like it.
        exact = [each for each in numbers if ".".join(each.place) == name]
        if len(exact or numbers) != 1:
            if not numbers:
                raise BadInput(f"there is no channel {name!r}; {suggestion(name, self._whole())}")
            several = " or ".join(".".join(each.place) for each in numbers)
            raise BadInput(f"{name!r} may be several; expected {several}")
        (one,) = exact or numbers
        self._check(one, name, of)
        return one

    def _whole(self) -> list[str]:
        return [name for name, found in self._by.items() if any(".".join(each.place) == name for each in found)]

    def _check(self, one: _Found, name: str, of: Stanza) -> None:
        here, there = of.node or self._first_node, one.stanza.node or self._first_node
        if not one.quantity.numeric:
            raise BadInput(f"{name!r} is no number: nothing is computed with a code, a text, true or false")
        if one.channel.stream.kind == "event":
            raise BadInput(f"{name!r} comes when something happens; an expression needs what comes again and again")
        if here != there:
            raise BadInput(
                f"{name!r} is read by node {there!r}, and this is computed by node {here!r}; expected node: {there}, and "
                "that all of an expression is read by one node"
            )
        if of.enabled and not one.stanza.enabled:
            raise BadInput(
                f"{name!r} is not read (enabled: false), so this can't be computed: enabled: false here, too"
            )


Names = dict[tuple[str, str], tuple[expression.Expression, dict[str, _Found]]]  # by channel and quantity


def _found(stanza: Stanza, known: _Named, wrong: list[BadInput]) -> Names:
    """Read the expressions of one stanza, and find what they name."""
    names: Names = {}
    for channel in stanza.channels:
        for quantity, each in Derived.declared(channel).items():
            tree = expression.parse(each.where["expression"])
            found = {}
            for name in dict.fromkeys(expression.names(tree)):
                try:
                    found[name] = known.find(name, stanza)
                except BadInput as error:
                    error.path = _path(channel, quantity)
                    wrong.append(error)
            if not found and not wrong:
                wrong.append(BadInput("names no channel; expected one at least", _path(channel, quantity)))
            names[channel.id, quantity] = tree, found
    return names


def _path(channel: Channel, quantity: str) -> Path:
    return ("channels", channel.id, "read", quantity, "expression")


def _circles(derived: list[Stanza], found: Mapping[str, Names]) -> Iterator[tuple[Stanza, BadInput]]:
    """Find channels, or instruments, that are computed of each other."""
    own = {stanza.name: stanza for stanza in derived}
    channels: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    where: dict[tuple[tuple[str, str], tuple[str, str]], Path] = {}
    for stanza in derived:
        for (channel, quantity), (_, names) in found[stanza.name].items():
            for each in names.values():
                if each.stanza.name in own:
                    here, there = (stanza.name, channel), each.place[:2]
                    channels[here].add(there)
                    where.setdefault((here, there), ("channels", channel, "read", quantity, "expression"))
    if circle := _circle(channels):
        # graphlib gives what is needed before what needs it.
        way = " needs ".join(".".join(each) for each in reversed(circle))
        yield own[circle[-1][0]], BadInput(f"goes round in a circle: {way}", where[circle[-1], circle[-2]])
        return
    instruments: dict[str, set[str]] = defaultdict(set)
    for here, several in channels.items():
        instruments[here[0]] |= {there[0] for there in several} - {here[0]}
    if ring := _circle(instruments):
        path = next(path for (here, there), path in where.items() if (here[0], there[0]) == (ring[-1], ring[-2]))
        way = " needs ".join(reversed(ring))
        yield (
            own[ring[-1]],
            BadInput(f"goes round in a circle: {way}; write their channels as those of one instrument", path),
        )


def _circle(graph: Mapping[Any, Iterable[Any]]) -> list[Any]:
    """Give what goes round in a circle, each behind what it needs; the first is the last, too."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def in_order(derived: list[Stanza], found: Mapping[str, Names] | None = None) -> list[Stanza]:
    """Sort them so that each is behind those that it is computed of; without ``found`` by what was planned."""
    needed = {
        stanza.name: {each.stanza.name for _, names in found[stanza.name].values() for each in names.values()}
        if found is not None
        else {each.instrument for each in stanza.computation.inputs.values()}
        for stanza in derived
    }
    own = {stanza.name: stanza for stanza in derived}
    graph = {name: {other for other in others if other in own and other != name} for name, others in needed.items()}
    return [own[name] for name in TopologicalSorter(graph).static_order()]


def _pace_of(stanza: Stanza, found: Names, wrong: list[BadInput], paced: Container[str]) -> None:
    """Set how often an instrument is computed: as often as the slowest of what it is computed of, where it does not say."""
    paces = [_pace(each.stanza) for _, names in found.values() for each in names.values() if each.stanza is not stanza]
    if stanza.name not in paced:
        stanza.interval = max(paces)
    elif stanza.interval < min(paces):
        told = f"is {stanza.interval:g} s, but what it is computed of comes every {min(paces):g} s"
        wrong.append(BadInput(told, ("interval",)))


def _compute(stanza: Stanza, found: Names, wrong: list[BadInput]) -> None:
    """Make the steps of all quantities of an instrument."""
    by_channel: dict[str, dict[str, Computed]] = defaultdict(dict)
    for channel in _channels_in_order(stanza, found):
        for quantity in Derived.declared(channel):
            tree, names = found[channel.id, quantity]
            inputs = {name: _input(each, stanza, channel) for name, each in names.items()}
            units = {name: (inputs[name].name, each.quantity) for name, each in names.items()}
            declared = channel.quantities[quantity]
            try:
                steps, difference = derived_units.compute(tree, units, declared.unit, stanza.interval)
            except BadInput as error:
                error.path = _path(channel, quantity)
                wrong.append(error)
                continue
            channel.quantities[quantity] = replace(declared, difference=difference)
            several = {each.name: each for each in inputs.values()}
            by_channel[channel.id][quantity] = Computed(channel.quantities[quantity], tuple(several.values()), steps)
    stanza.computation = Computation({name: tuple(several.values()) for name, several in by_channel.items()})


def _channels_in_order(stanza: Stanza, found: Names) -> list[Channel]:
    needed: dict[str, set[str]] = {channel.id: set() for channel in stanza.channels}
    for (channel, _), (_, names) in found.items():
        needed[channel] |= {each.channel.id for each in names.values() if each.stanza is stanza}
    own = {channel.id: channel for channel in stanza.channels}
    return [own[name] for name in TopologicalSorter(needed).static_order()]


def _input(found: _Found, of: Stanza, channel: Channel) -> Input:
    pace = _pace(found.stanza)
    max_age = channel.options[MAX_AGE.name]
    return Input(
        name=".".join(found.place),
        instrument=found.stanza.name,
        channel=found.channel.id,
        measurement=found.channel.measurement,
        field=found.quantity.name,
        interval=pace,
        max_age=INTERVALS * pace if max_age is None else max_age,
    )


def _pace(stanza: Stanza) -> float:
    """Tell how many seconds there are from one reading of a channel to the next: of a scanner, the time of a round."""
    return float(max(stanza.interval, stanza.driver.turn))
