"""Put a backup's history back into an InfluxDB that runs.

The database must be there (labline apply makes it). What came since stays, and nothing has to be stopped: the backup
is read into a second database, copied, counted, and dropped. Grafana's database and the files are written to --into,
which is empty again where it fails: do it again then."""

from __future__ import annotations

import argparse
import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from . import arguments as shared
from .backup import PORT

EXAMPLES = """\
  labline restore my-lab.yml --from /mnt/nas/labline --password-file FILE --into /var/tmp/backup
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_site(parser)
    shared.add_repository(parser, "--from")
    parser.add_argument(
        "--into", metavar="DIR", type=Path, required=True, help="an empty folder for what the backup has"
    )
    parser.add_argument(
        "--snapshot", default="latest", help="which backup, by restic's name (default: %(default)s, of this site)"
    )
    shared.add_secrets(parser, "the folder with the password of labadmin")
    parser.add_argument("--url", metavar="URL", help="another InfluxDB than the one in the site file")
    parser.add_argument("--port", default=PORT, help="InfluxDB's backup port (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 where all points of the backup are there."""
    from provisioning import influxdb_merge
    from provisioning import site as sites
    from provisioning.influxdb_schema import ADMIN
    from provisioning.influxdb_server import Server, secret
    from provisioning.influxql import identifier

    from .saving import dump
    from .words import counted

    site = sites.load(sites.find(arguments.site))
    into: Path = arguments.into
    repository = shared.repository(arguments)
    server = Server(arguments.url or site.influxdb.url, ADMIN, secret(arguments.secrets, ADMIN), ca=site.influxdb.ca)
    database = site.influxdb.database
    beside = f"{database}_labline_restore"
    with _filling(into):
        influxdb_merge.ready(server, database)
        dump.reach(arguments.port)
        repository.bring(arguments.snapshot, into, site.name)
        server.query(f"DROP DATABASE {identifier(beside)}")  # of a restoring that was broken off
        try:
            dump.put_back(into, database=database, beside=beside, port=arguments.port)
            values = influxdb_merge.merge(server, beside, database, site.name)
        finally:
            server.query(f"DROP DATABASE {identifier(beside)}")
    print(f"database {database!r}: {counted('value', values)} of the backup are there")
    rest = sorted(path.name for path in into.iterdir() if path.name != dump.DATABASE)
    if rest:
        print(f"{into} has, to be put back by hand: {', '.join(rest)}")
    return 0


@contextlib.contextmanager
def _filling(folder: Path) -> Iterator[None]:
    """Make an empty folder; where what fills it fails, it is empty again. Raises StackError."""
    from .stack.errors import StackError

    if folder.exists() and any(folder.iterdir()):
        raise StackError(f"{folder} is not empty, expected an empty folder, or none")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        yield
    except BaseException:
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise
