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
    """List all that a site stores: measurement -> field -> type. Raises BadInput where two fields would get one name downsampled.

    That a field has one type in all instruments is fields.clashes' to check.
    """
    found: dict[str, dict[str, str]] = {}
    for stanza in stanzas:
        fields = found.setdefault(stanza.driver.name, {})
        for channel in stanza.channels:
            fields |= {quantity.name: quantity.type for quantity in (*channel.quantities.values(), STATUS)}
    for measurement, fields in found.items():
        for name in fields:
            for end in DOWNSAMPLED:
                if name.endswith(end) and name.removesuffix(end) in fields:
                    raise BadInput(
                        f"{measurement!r} has fields {name.removesuffix(end)!r} and {name!r}, which is the name that the first one's "
                        f"downsampled {end[1:]} gets; name it otherwise"
                    )
    for measurement, quantities in ({"instrument": host_metrics.INSTRUMENT} | host_metrics.ALL).items():
        found[measurement] = {q.name: q.type for q in quantities}
    return found
