"""The fields that a set of instruments delivers: InfluxDB keeps one type a field, and a panel has one unit."""

from __future__ import annotations


class Clash:
    """Two instruments, or two channels, that would fill one field differently. ``message`` says how, for a person."""

    __slots__ = ("stanza", "channel", "quantity", "message")

    def __init__(self, stanza, channel, quantity, message: str):
        self.stanza, self.channel, self.quantity, self.message = stanza, channel, quantity, message


def clashes(stanzas):
    """Yield a Clash for each quantity that has another type or unit than one of the same measurement and name before it."""
    first: dict[tuple[str, str], tuple] = {}
    for stanza in stanzas:
        for channel in stanza.channels:
            for quantity in channel.quantities.values():
                said = first.setdefault((stanza.driver.name, quantity.name), (quantity, stanza, channel))
                for what, here, there in (("type", quantity.type, said[0].type), ("unit", quantity.unit, said[0].unit)):
                    if here != there:
                        yield Clash(stanza, channel, quantity,
                                    f"has {what} {here!r}, but instrument {said[1].name!r}, channel {said[2].id!r} gives {quantity.name!r} the "
                                    f"{what} {there!r}; a field of measurement {stanza.driver.name!r} has one {what}: use another name, or the same {what}")
                        break
