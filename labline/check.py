"""Look for mistakes in a site file; Telegraf looks, too.

Reads the file, all units included, and tells all mistakes, each with its line; renders it, and has `telegraf config
check` read that, where Telegraf is at hand. With --against it asks the database whether a field that is there already
would get another type or unit. Mistakes are status 1 here, wrong use (2) elsewhere."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .arguments import add_secrets, add_site, add_state

if TYPE_CHECKING:
    from provisioning.site import Site

EXAMPLES = """\
  labline check                      the demo lab
  labline check my-lab.yml           what is wrong with it, with file and line
  labline check my-lab.yml --against  and with the data that its database has already
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_site(parser)
    parser.add_argument(
        "--against",
        metavar="URL",
        nargs="?",
        const="",
        help="hold types and units against what is in a database (default: that of a run here, else the site file's)",
    )
    add_secrets(parser, "--against: the folder with the password file reader")
    add_state(parser)


def run(arguments: argparse.Namespace) -> int:
    """Check; returns the exit status."""
    import provisioning.site
    from grafana_dashboards import emit
    from provisioning import telegraf_check
    from telegraf_inputs.errors import BadInput

    from . import against, simulation
    from .stack import telegraf, told
    from .words import counted

    path = provisioning.site.find(arguments.site)
    if not path.exists():
        raise BadInput("there is no such file", file=str(path))
    try:
        site = provisioning.site.load(path)
    except BadInput as error:
        print(error, file=sys.stderr)
        errors = getattr(error, "errors", [error])
        print(f"labline: {counted('mistake', len(errors))} in {path}", file=sys.stderr)
        return 1
    try:
        emit.try_out(site)
    except emit.InvalidForGrafana as error:
        print(f"labline: {error}", file=sys.stderr)
        return 1
    channels = sum(len(i.stanza.channels) for i in site.instruments)
    limits = sum(len(i.limits) for i in site.instruments)
    print(
        f"{path}: {counted('instrument', len(site.instruments))}, {counted('channel', channels)}, {counted('limit', limits)}; "
        "no mistakes"
    )
    if note := simulation.note(site):
        print(note)
    if off := [i.name for i in site.instruments if not i.enabled]:
        print(f"note: not read, because of enabled: false — {', '.join(off)}")
    if passwords := _passwords(site):
        print(f"note: Telegraf needs these files in the folder of passwords: {', '.join(passwords)}")
    if site.notifications.contact_points and not site.grafana.url:
        print(
            "note: links in messages lead to the machine that Grafana runs on, unless grafana.url says how people reach it"
        )
    for note in (*_hints(site), *_unknown_units(site), *_wear(site)):
        print(note)
    if arguments.against is not None and not against.fits(site, arguments.against, arguments.secrets, arguments.state):
        return 1
    program = telegraf.at_hand()
    if program is None:
        print(f"Telegraf is not at hand, so its configuration was not tried; `{told.command()} run` gets it")
        return 0
    if said := telegraf_check.check(site, program):
        print(f"labline: {program} does not take the configuration that was made from {path}:\n{said}", file=sys.stderr)
        return 1
    print(f"{program}: takes the configuration")
    return 0


def _passwords(site: Site) -> list[str]:
    """List the passwords of what Telegraf reads itself, each once."""
    from provisioning import native_config

    real = (i.stanza for i in site.enabled if not i.stanza.simulated)
    return list(dict.fromkeys(name for stanza in real for name in native_config.secrets(stanza)))


def _hints(site: Site) -> Iterator[str]:
    """Tell what may become of connections that work now."""
    from telegraf_inputs import transports

    for instrument in site.instruments:
        url = instrument.stanza.connection
        if url.text and (hint := transports.of(url).hint(url)):
            yield f"note: {instrument.name}: {hint[0]}; {hint[1]}"


def _wear(site: Site) -> Iterator[str]:
    """Predict what each node writes in a day, and what it would on a memory card."""
    from msgspec import structs

    from provisioning import wear

    from .words import called_bytes

    for number, node in enumerate(site.nodes):
        now = wear.daily(site, node)
        if not now.total:  # it reads nothing, or channels that are not known before they are found
            continue
        parts = {"InfluxDB": now.database, "the journal": now.journal, "counts of readings": now.counts}
        told = ", ".join(f"{name} {called_bytes(size)}" for name, size in parts.items() if size)
        nodes = list(site.nodes)
        nodes[number] = structs.replace(node, storage="sd_card", flush=None)
        spared = structs.replace(site, nodes=tuple(nodes))
        less = wear.daily(spared, nodes[number]).total
        hint = f"; with storage: sd_card {called_bytes(less)}" if less < 0.8 * now.total else ""
        yield f"note: {node.name} writes about {called_bytes(now.total)} a day ({told}){hint}"


def _unknown_units(site: Site) -> Iterator[str]:
    """Tell each unit that nothing converts to: it may be one of the lab's own, or a slip."""
    from provisioning import units

    found: dict[str, str] = {}
    for instrument in site.instruments:
        for channel in instrument.stanza.declared:
            for quantity in channel.quantities.values():
                found.setdefault(quantity.unit, f"{quantity.name} of {instrument.name}, channel {channel.id}")
    for unit, where in found.items():
        if not units.known(unit):
            hint = units.meant(unit) or "limits have to be written in it, too"
            yield f"note: {unit!r} ({where}) is no unit that is known; {hint}"
        elif usual := units.usual(unit):
            yield f"note: {unit!r} ({where}) is {usual!r}: written so, dashboards scale and name it"
        elif unit in units.MISTAKEN:
            told, meant = units.MISTAKEN[unit]
            yield f"note: {unit!r} ({where}) is {told} {meant!r}"
