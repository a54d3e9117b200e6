"""The measurements and fields of a site's data, with their types: what is downsampled, what a dashboard can ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from telegraf_inputs.declare import Quantity
from telegraf_inputs.errors import BadInput
from telegraf_inputs.spikes import QUALITY
from telegraf_inputs.stanza import Stanza

from . import host_metrics
from .influxdb_fields import DOWNSAMPLED

STATUS = Quantity("status", "", "ok, or what is wrong with this channel", type="str")
CLOCK = Quantity("clock", "", "What is wrong with the time of this point; nothing where it is well", type="str")
CALIBRATION = Quantity(
    "calibration", "", "The calibration that made the value: its name, and a hash of what it is", type="str"
)
# What labline tells of itself, Telegraf of itself and of the machine: measurement -> quantities.
OWN = {"instrument": (*host_metrics.INSTRUMENT, host_metrics.SPIKES)} | host_metrics.ALL | host_metrics.LINE


def quantities(stanzas: Iterable[Stanza]) -> dict[str, dict[str, Quantity]]:
    """List all that a site stores: measurement -> field -> quantity; that each has one type and unit, fields.clashes checks."""
    found: dict[str, dict[str, Quantity]] = {}
    for stanza in stanzas:
        for channel in stanza.declared:
            fields = found.setdefault(channel.measurement, {})
            marks = [
                STATUS,
                CLOCK,
                *([CALIBRATION] if channel.calibration else []),
                *([QUALITY] if channel.filter else []),
            ]
            fields |= {quantity.name: quantity for quantity in (*channel.stored.values(), *marks)}
    for measurement, own in OWN.items():
        found[measurement] = {quantity.name: quantity for quantity in own}
    return found


def of_site(stanzas: Iterable[Stanza]) -> dict[str, dict[str, str]]:
    """List all that a site stores: measurement -> field -> type."""
    return {
        measurement: {name: quantity.type for name, quantity in fields.items()}
        for measurement, fields in quantities(stanzas).items()
    }


def taken(stanza: Stanza) -> Iterator[BadInput]:
    """Find channels that would be in a measurement of labline's own."""
    for channel in stanza.declared:
        if channel.measurement in OWN:
            yield BadInput(
                f"{channel.measurement!r} is a measurement in which labline keeps what it tells itself; write "
                f"name_override: {channel.measurement}_{stanza.name} into the input, and name that here",
                ("channels", channel.id, "measurement"),
            )


def same_names(found: dict[str, dict[str, str]]) -> Iterator[BadInput]:
    """Find fields that get the name of another one when that is downsampled."""
    for measurement, fields in found.items():
        for name in fields:
            for end in filter(None, DOWNSAMPLED.values()):
                if name.endswith(end) and name.removesuffix(end) in fields:
                    yield BadInput(
                        f"{measurement!r} has fields {name.removesuffix(end)!r} and {name!r}; downsampled, the "
                        f"first one's {end[1:]} gets the name of the second: name one of them otherwise"
                    )
