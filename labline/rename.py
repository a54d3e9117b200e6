"""Take an instrument's history along to its new name.

First write the new name into the site file. All points of the old name are then written again under the new one, in each
retention policy, read back, and only where nothing is missing dropped under the old one. Broken off it has lost nothing: do it again.
A lab of `labline run` must not run meanwhile; elsewhere Telegraf has to have the new files already."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import arguments as shared

if TYPE_CHECKING:
    from provisioning.influxdb_rename import Renaming
    from provisioning.influxdb_server import Server
    from provisioning.site import Site

    from .places import Places

EXAMPLES = """\
  labline rename chiller chiller_2 my-lab.yml    chiller_2 is in the file, chiller no more
  labline rename in out my-lab.yml --channel-of chiller   a channel of it
  labline rename chiller chiller_2 my-lab.yml --url http://db:8086   a lab that Telegraf runs by itself
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("old", metavar="OLD", help="the name that its points have")
    parser.add_argument("new", metavar="NEW", help="its name in the site file")
    shared.add_site(parser)
    parser.add_argument(
        "--channel-of", metavar="INSTRUMENT", help="OLD and NEW are names of channels of this instrument"
    )
    parser.add_argument(
        "--url", metavar="URL", help="an InfluxDB that labline run did not start (default: the lab's here)"
    )
    parser.add_argument("--yes", action="store_true", help="agree to it without being asked")
    shared.add_state(parser)
    shared.add_secrets(parser, "--url: the folder with the password file labadmin")


def run(arguments: argparse.Namespace) -> int:
    """Rename; the status is 1 where nothing was done."""
    from provisioning import influxdb_schema
    from provisioning import site as sites
    from provisioning.influxdb_rename import Renaming

    from .places import Places
    from .words import counted

    site = sites.load(sites.find(arguments.site))
    old, new = _tags(site, arguments)
    places = Places(arguments.state, site)
    here = not arguments.url and places.influxdb.is_dir()
    with _started(places, arguments) if here else _elsewhere(site, arguments) as server:
        renaming = Renaming(server, influxdb_schema.schema(site), old, new)
        values = renaming.survey()
        if not values:
            print(f"there is nothing under the name {arguments.old!r}: nothing to do")
            return 0
        print(f"{counted('value', values)} under the name {arguments.old!r}", flush=True)
        if not here and not _agreed(renaming, arguments):
            return 1
        copied = renaming.copy(lambda text: print(f"  {text}", flush=True))
        renaming.drop()
    print(f"{counted('value', copied)} of {arguments.old!r} have the name {arguments.new!r}; the old name is gone")
    return 0


def _tags(site: Site, arguments: argparse.Namespace) -> tuple[dict[str, str], dict[str, str]]:
    """Give the tags that points have, and those that they get. Raises BadInput where the site file says otherwise."""
    from telegraf_inputs.errors import BadInput, suggestion

    old, new, owner = arguments.old, arguments.new, arguments.channel_of
    instruments = {instrument.name: instrument for instrument in site.instruments}
    if owner and owner not in instruments:
        raise BadInput(f"{site.file} has no instrument {owner!r}; {suggestion(owner, instruments)}")
    names = [channel.id for channel in instruments[owner].stanza.channels] if owner else list(instruments)
    what = f"a channel of {owner!r}" if owner else "an instrument"
    if new not in names:
        raise BadInput(
            f"{site.file} has no {new!r} that is {what}; write the new name there first. {suggestion(new, names)}"
        )
    if old in names:
        raise BadInput(
            f"{old!r} is still {what} in {site.file}; expected the name that was there before. Histories of two are not put "
            "together"
        )
    if owner:
        return {"instrument": owner, "channel": old}, {"channel": new}
    return {"instrument": old}, {"instrument": new}


@contextlib.contextmanager
def _elsewhere(site: Site, arguments: argparse.Namespace) -> Iterator[Server]:
    """Reach, as its administrator, a database that runs by itself."""
    from provisioning.influxdb_schema import ADMIN
    from provisioning.influxdb_server import Server, secret

    password = secret(arguments.secrets, ADMIN)
    yield Server(arguments.url or site.influxdb.url, ADMIN, password, ca=site.influxdb.ca)


@contextlib.contextmanager
def _started(places: Places, arguments: argparse.Namespace) -> Iterator[Server]:
    """Start the database of a lab of this machine for it. Raises StackError where the lab runs, or was not counted."""
    from . import ledger
    from .local.database import DATABASE_PORT, Database
    from .stack import influxdb, ports, told
    from .stack.errors import StackError
    from .stack.partslock import PartsLock
    from .stack.runlock import RunLock

    with RunLock(places.root), contextlib.closing(PartsLock(places.root, print)) as parts:
        if any(places.ledger.glob(f"*/{ledger.RUN_FILE}")):
            raise StackError(
                "a run before was not counted yet, and may have readings of the old name to write; let "
                f"`{told.command()} run {arguments.site}` settle it first"
            )
        port = ports.remembered(places.ports, [DATABASE_PORT])[DATABASE_PORT]
        database = Database(influxdb.get().path, places, port, print, parts)
        try:
            database.start()
            yield database.administrator()
        finally:
            database.stop()


def _agreed(renaming: Renaming, arguments: argparse.Namespace) -> bool:
    """Refuse, or ask, where the old name is still written: what comes after it is not taken along."""
    from .stack.asking import agreed
    from .stack.progress import say

    if arguments.yes or not renaming.still_written():
        return True
    print(
        f"careful: {arguments.old!r} was written within the last two minutes. Put the new files on its node and start Telegraf "
        "there anew; what comes later is not taken along"
    )
    if agreed("Do it all the same?"):
        return True
    say("labline: nothing was changed; --yes does it without asking")
    return False
