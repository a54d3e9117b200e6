"""Hold a site's fields against those that its database has already: of each its type and unit; changes nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .words import counted

if TYPE_CHECKING:
    from provisioning.site import Site


def fits(site: Site, url: str, secrets: Path, state: Path | None) -> bool:
    """Tell whether the database's fields are as the site wants them, and which are not. Raises DatabaseError.

    ``url`` "" is that of a lab that runs here, else the site file's.
    """
    from provisioning import influxdb_fields, influxdb_schema, influxdb_state

    from . import site_database

    server = site_database.reader(site, url, secrets, state)
    wanted = influxdb_schema.schema(site)
    stored = influxdb_fields.read(server, wanted.database, wanted.kept_in)
    for note in influxdb_state.left_behind(influxdb_state.instruments(server, wanted), wanted):
        print(f"note: {note}")
    refused = influxdb_fields.refusals(stored, wanted.fields, wanted.database)
    if refused:
        print("\n".join(refused), file=sys.stderr)
        print(
            f"labline: {counted('field', len(refused))} in {server.url} can't be as {site.file} says", file=sys.stderr
        )
        return False
    known = sum(stored.has(field) for field in wanted.fields)
    print(
        f"{server.url}: database {wanted.database!r} has {known} of the site's {counted('field', len(wanted.fields))}, "
        "with their types and units"
    )
    return True
