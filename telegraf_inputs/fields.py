"""The fields that a set of instruments delivers: InfluxDB keeps one type a field, and a panel has one unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .configured import Channel, Stanza
from .declare import Quantity


@dataclass(frozen=True)
class Clash:
    """Two instruments, or two channels, that would fill one field differently. ``message`` says how, for a person."""

    stanza: Stanza
    channel: Channel
    quantity: Quantity
    message: str


def clashes(stanzas: Iterable[Stanza]) -> Iterator[Clash]:
    """Yield a Clash for each quantity of another type, unit or kind than an earlier one of the same measurement and name."""
    first: dict[tuple[str, str], tuple[Quantity, Stanza, Channel]] = {}
    for stanza in stanzas:
        for channel in stanza.declared:
            for quantity in channel.stored.values():
                said, by, at = first.setdefault((channel.measurement, quantity.name), (quantity, stanza, channel))
                for what, here, there in (
                    ("type", quantity.type, said.type),
                    ("unit", quantity.unit, said.unit),
                    ("kind", _kind(quantity), _kind(said)),
                ):
                    if here != there:
                        message = (
                            f"{quantity.name!r} has the {what} {here!r} here, but {there!r} in channel {at.id!r} "
                            f"of {by.name!r}; a field of measurement {channel.measurement!r} has one {what}: use "
                            f"another name for the quantity, or the same {what}"
                        )
                        yield Clash(stanza, channel, quantity, message)
                        break


def _kind(quantity: Quantity) -> str:
    return "number" if quantity.numeric else "code" if quantity.choices else quantity.type


def tags_named_as_fields(stanzas: Iterable[Stanza]) -> Iterator[tuple[Stanza, str, str]]:
    """Yield (stanza, tag, message) for each tag that is a field of another instrument of the same measurement."""
    stanzas = list(stanzas)
    by = {(c.measurement, name): s.name for s in stanzas for c in s.declared for name in c.stored}
    for stanza in stanzas:
        for tag in stanza.tags:
            for measurement in stanza.measurements:
                if other := by.get((measurement, tag)):
                    yield (
                        stanza,
                        tag,
                        f"{tag!r} is a field of {other!r}, and both are in measurement {measurement!r}, "
                        "where a query can't tell a tag from a field; choose another name",
                    )
