"""Back up the database, Grafana's and the site file, by restic.

Of an InfluxDB that is a service, into a repository as restic names it: /mnt/nas/labline, sftp:pi@nas:/backup,
rclone:NAS:backup. What is old goes only after a backup that went well. --tell says how old the newest is, for an alarm."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import shutil
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import arguments as shared

if TYPE_CHECKING:
    from provisioning.site import Site

    from .saving.record import BackupRecord
    from .saving.restic import Repository

EXAMPLES = """\
  labline backup my-lab.yml --to /mnt/nas/labline --password-file FILE --mount /mnt/nas
  labline backup --tell              of the last one, as a line for Telegraf
"""
STATE = Path("/var/lib/labline-backup")
PORT = "127.0.0.1:8088"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    shared.add_site(parser)
    shared.add_repository(parser, "--to")
    parser.add_argument("--init", action="store_true", help="make the repository where there is none, and nothing else")
    parser.add_argument(
        "--former",
        metavar="FILE",
        type=Path,
        help="with --init: passwords that the repository may have yet, one a line; it gets that of --password-file",
    )
    parser.add_argument(
        "--grafana", metavar="FILE", type=Path, help="Grafana's database, such as /var/lib/grafana/grafana.db"
    )
    parser.add_argument("--add", metavar="FILE", type=Path, nargs="+", default=[], help="more files to keep")
    parser.add_argument(
        "--keep",
        metavar="D,W,M",
        type=_keep,
        default="7,5,12",
        help="how many daily, weekly and monthly ones to keep (default: %(default)s)",
    )
    parser.add_argument("--port", default=PORT, help="InfluxDB's backup port (default: %(default)s)")
    parser.add_argument(
        "--work",
        metavar="DIR",
        type=Path,
        default=STATE,
        help="where it keeps its record (default: %(default)s)",
    )
    parser.add_argument(
        "--gather-in",
        metavar="DIR",
        type=Path,
        help="where it gathers what it saves: needs room for the whole database (default: where its record is)",
    )
    parser.add_argument("--tell", action="store_true", help="tell of the last backup alone")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 0 where all is well."""
    from .saving import record

    work: Path = arguments.work
    if arguments.tell:  # each minute: what takes time to load comes after it
        print(record.read(work).line())
        return 0

    from provisioning import site as sites
    from telegraf_inputs.errors import BadInput

    from .saving import restic
    from .stack.errors import StackError
    from .words import called_bytes

    repository = shared.repository(arguments, work / "restic")
    file = None if arguments.init else sites.find(arguments.site)
    if file:
        _refuse_a_run(file)
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StackError(
            f"{work}: {error.strerror}; --work DIR names another folder for the record of backups"
        ) from None
    last, begun = record.read(work), time.time()
    try:
        if not file:
            done = repository.made(arguments.former)
            if done != restic.NEW:  # there may be backups of a machine before this one: there is a record, of none yet
                record.write(work, last)
            print(f"{repository.place}: {done}")
            return 0
        site = sites.load(file)
        made, snapshot = _back_up(arguments, repository, site, file, last, begun)
    except (StackError, BadInput, OSError) as error:
        with contextlib.suppress(OSError):  # why the backup failed is what has to be told
            record.write(work, dataclasses.replace(last, failed=str(error)))
        raise
    record.write(work, made)
    print(f"{repository.place}: backup {snapshot[:8]}, {called_bytes(made.size)} gathered in {made.seconds:.0f} s")
    return 0


def _refuse_a_run(file: Path) -> None:
    """Refuse (StackError) a site file that `labline run` runs here: another InfluxDB would be backed up as this lab's."""
    from . import known_labs
    from .places import SIMULATED, state_of
    from .stack.errors import StackError

    for root, who in known_labs.running(state_of(file), file):
        if not root.name.endswith(SIMULATED):
            raise StackError(
                f"{file} is run by `labline run` (process {who['pid']}), whose InfluxDB has no backup port. End that run, and "
                f"copy {file} and {root}: elsewhere, `labline run` goes on with both"
            )


def _back_up(
    arguments: argparse.Namespace,
    repository: Repository,
    site: Site,
    file: Path,
    last: BackupRecord,
    begun: float,
) -> tuple[BackupRecord, str]:
    from .saving import dump, record
    from .words import size_of

    repository.reach()
    place: Path = arguments.gather_in or arguments.work
    scratch, influxdb = place / "gathered", site.influxdb
    for folder in (place, arguments.work):  # of one that was broken off, perhaps when it was gathered elsewhere
        shutil.rmtree(folder / "gathered", ignore_errors=True)
    dump.room_for(place, last.size, dump.held_by(influxdb.url, influxdb.database, influxdb.ca))
    scratch.mkdir(mode=0o700)
    try:
        dump.gather(
            scratch,
            database=influxdb.database,
            port=arguments.port,
            grafana=arguments.grafana,
            files=[file, *arguments.add],
        )
        size = int(size_of(scratch))
        snapshot = repository.save(scratch, socket.gethostname(), site.name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    keep = dict(zip(("daily", "weekly", "monthly"), map(int, arguments.keep.split(",")), strict=True))
    repository.forget(keep, site.name)
    return record.BackupRecord(made=begun, size=size, seconds=time.time() - begun), snapshot


def _keep(text: str) -> str:
    parts = text.split(",")
    if len(parts) != 3 or not all(part.isdigit() for part in parts) or not any(map(int, parts)):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected three whole numbers such as 7,5,12, not all 0")
    return text
