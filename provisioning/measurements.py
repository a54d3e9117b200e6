"""The measurements and fields that a site's data have, with their types: what is downsampled, and what a dashboard can ask for."""

from __future__ import annotations

from collections.abc import Iterable

from telegraf_inputs.driver import Quantity
from telegraf_inputs.errors import BadInput
from telegraf_inputs.stanza import Stanza

from . import host_metrics

STATUS = Quantity("status", "", "ok, or what is wrong with this channel", type="str")
DOWNSAMPLED = ("_min", "_max", "_n")


def of_site(stanzas: Iterable[Stanza]) -> dict[str, dict[str, str]]:
    """List all that a site stores: measurement -> field -> type. Raises BadInput where a field would have two types."""
    found: dict[str, dict[str, str]] = {}
    whose: dict[tuple[str, str], str] = {}
    for stanza in stanzas:
        fields = found.setdefault(stanza.driver.name, {})
        for channel in stanza.channels:
            for quantity in (*channel.quantities.values(), STATUS):
                other = fields.setdefault(quantity.name, quantity.type)
                owner = whose.setdefault((stanza.driver.name, quantity.name), stanza.name)
                if other != quantity.type:
                    raise BadInput(f"field {quantity.name!r} is of type {quantity.type} here, but {other} in {owner!r}: InfluxDB keeps one type "
                                   f"for a field of {stanza.driver.name!r}; name one of them otherwise", ("channels", channel.id))
    for measurement, fields in found.items():
        for name in fields:
            for end in DOWNSAMPLED:
                if name.endswith(end) and name.removesuffix(end) in fields:
                    raise BadInput(f"{measurement!r} has fields {name.removesuffix(end)!r} and {name!r}, which is the name that the first one's "
                                   f"downsampled {end[1:]} gets; name it otherwise")
    for measurement, quantities in ({"instrument": host_metrics.INSTRUMENT} | host_metrics.ALL).items():
        found[measurement] = {q.name: q.type for q in quantities}
    return found
