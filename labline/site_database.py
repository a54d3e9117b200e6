"""The database of a site: that of a lab that runs here (`labline run`), else the one that the site file names."""

from __future__ import annotations

import argparse
from pathlib import Path

from provisioning import site as sites
from provisioning.influxdb_schema import READER
from provisioning.influxdb_server import SECONDS_PER_LOOK, DatabaseError, Server, secret
from provisioning.site import Site

from . import running_lab
from .places import Places
from .running_lab import RunningLab
from .stack import told


def here(file: Path, arguments: argparse.Namespace) -> RunningLab | None:
    """Find the lab of a site file that runs here, and has a database. Raises DatabaseError: it has none yet."""
    lab = running_lab.find(file, arguments.state)
    if lab and not lab.urls.get("influxdb"):
        raise DatabaseError(
            f"{lab.site.name} is still starting (process {lab.who['pid']}, since {lab.who['since']}), and has no database "
            f"yet. Try again in a moment: {told.command()} {arguments.verb} {arguments.site}"
        )
    return lab


def reader(site: Site, url: str, secrets: Path, state: Path | None) -> Server:
    """Reach the database as the user who may only read; ``url`` names another one. Raises DatabaseError."""
    here = None if url else running_lab.find(Path(site.file), state)
    if here and (own := here.urls.get("influxdb")):
        return here.places.reader(own)
    return Server(url or site.influxdb.url, READER, secret(secrets, READER), ca=site.influxdb.ca)


def find(file: Path, arguments: argparse.Namespace) -> tuple[Site, Server]:
    """Give what runs, or what the file says, and its database as its reader. Raises DatabaseError, BadInput."""
    lab = here(file, arguments)
    if lab:
        return lab.site, lab.places.reader(lab.urls["influxdb"])
    site = sites.load(file)
    if not (arguments.secrets / READER).exists():
        raise DatabaseError(
            f"{site.name} does not run here (nothing holds {told.path(Places(arguments.state, site).root)}); "
            f"to start it: {told.command()} run {arguments.site}\n"
            f"If it runs elsewhere ({site.influxdb.url}): {told.path(arguments.secrets)} has no file {READER}; name the folder "
            f"with the password {READER}: --secrets DIR"
        )
    password = secret(arguments.secrets, READER)
    return site, Server(site.influxdb.url, READER, password, ca=site.influxdb.ca, seconds=SECONDS_PER_LOOK)
