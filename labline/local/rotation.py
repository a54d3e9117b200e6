"""Other passwords for the database of a lab that runs here: no point is lost, and nobody is shut out."""

from __future__ import annotations

from collections.abc import Sequence

from provisioning import influxdb_passwords
from provisioning.influxdb_schema import ADMIN, READER
from provisioning.telegraf_config import WRITER

from ..places import Places
from ..stack import credentials
from .dashboards import Dashboards
from .database import Database
from .supervision import Keeper


def rotate(database: Database, telegrafs: Sequence[Keeper], dashboards: Dashboards, places: Places) -> list[str]:
    """Change the passwords of writer, reader and administrator; tells what came of it. Raises DatabaseError.

    A Telegraf whose password is refused throws away what it should write. So all write what they hold, and are started
    anew when the new one counts.
    """
    told = []
    with database.alone:
        database.administrator().query("SHOW DATABASES")  # where that is refused, nothing is stopped
        try:
            for kept in telegrafs:
                kept.part.stop()
            _change(database, places, WRITER)
        finally:
            for kept in telegrafs:
                kept.restart()
        _change(database, places, READER)
        if refused := dashboards.read_again():
            told.append(f"Grafana did not take up the new password of {READER}: {refused}; a new start does")
        _change(database, places, ADMIN)
    names = ", ".join(kept.name for kept in telegrafs)
    return [
        f"new passwords: {WRITER}, {READER}, {ADMIN}, in {places.secrets}",
        f"{names} {'was' if len(telegrafs) == 1 else 'were'} started anew for that: readings of about two seconds are missed, none is lost",
        *told,
    ]


def _change(database: Database, places: Places, user: str) -> None:
    with places.changing:
        influxdb_passwords.rotate(database.administrator(), places.secrets, user, credentials.generate())
