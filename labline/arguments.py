"""Arguments that several verbs have, with their completion."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telegraf_inputs.transport import Library

    from .saving.restic import Repository

DEFAULT_SITE = "demo"


def add_site(parser: argparse.ArgumentParser) -> None:
    """Declare the argument SITE; the verb loads ``provisioning.site.find(arguments.site)``."""
    action = parser.add_argument(
        "site",
        metavar="SITE",
        nargs="?",
        default=DEFAULT_SITE,
        help=f"a name in provisioning/sites, or a path to a site file (default: {DEFAULT_SITE})",
    )
    action.completer = complete_site  # type: ignore[attr-defined]


def add_state(parser: argparse.ArgumentParser) -> None:
    """Declare where a lab that runs here keeps its data, passwords and logs."""
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        help="where a lab that runs here keeps its data, passwords and logs (default: .labline beside the site file)",
    )


def add_secrets(parser: argparse.ArgumentParser, help: str) -> None:
    """Declare where the passwords are of a lab that `labline run` did not start."""
    parser.add_argument(
        "--secrets",
        metavar="DIR",
        type=Path,
        default=Path("/etc/labline/secrets"),
        help=f"{help} (default: %(default)s)",
    )


def add_repository(parser: argparse.ArgumentParser, option: str) -> None:
    """Declare where backups are kept; ``repository`` finds them by that."""
    parser.add_argument(
        option, dest="repository", metavar="REPOSITORY", help="where backups are kept, as restic names it"
    )
    parser.add_argument("--password-file", metavar="FILE", type=Path, help="the file with the repository's password")
    parser.add_argument(
        "--mount",
        metavar="DIR",
        type=Path,
        help="where the repository's disk, or share, must be mounted: else nothing is done",
    )
    parser.add_argument("--ssh-key", metavar="FILE", type=Path, help="over SFTP: the private key, and")
    parser.add_argument("--known-hosts", metavar="FILE", type=Path, help="the keys of the other machine")


def repository(arguments: argparse.Namespace, cache: Path | None = None) -> Repository:
    """Give the repository that the arguments name; ``cache``: a folder for what restic keeps of it here. Raises StackError."""
    from .saving.restic import Repository
    from .stack.errors import StackError

    if not arguments.repository or not arguments.password_file:
        raise StackError("name the repository of the backups, and --password-file FILE with its password")
    return Repository(
        arguments.repository,
        arguments.password_file,
        cache,
        arguments.mount,
        arguments.ssh_key,
        arguments.known_hosts,
    )


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number, 1 or more")
    return int(text)


def seconds(text: str) -> float:
    """Read a duration: a number of seconds, or with its unit, such as 10m."""
    from telegraf_inputs import duration
    from telegraf_inputs.errors import BadInput

    try:
        value = duration.read(text if text[-1:].isalpha() else f"{text}s")
    except BadInput:
        value = 0.0
    if not value:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a time longer than 0, such as 30 (seconds) or 10m")
    return value


def span(text: str, named: str = "") -> tuple[int, int]:
    """Read a span of time, the last so much or from/to, as ns since 1970; ``named`` is how it was asked for. Raises BadInput."""
    import time
    from datetime import UTC, datetime

    from telegraf_inputs import duration
    from telegraf_inputs.errors import BadInput

    now = time.time_ns()
    first, slash, last = text.partition("/")
    try:
        if not slash:
            return now - round(duration.read(text) * 1e9), now
        ends = [datetime.fromisoformat(each.strip()) for each in (first, last)]
    except (BadInput, ValueError):
        raise BadInput(f"found {named}{text}, expected such as 30d, or 2026-11-01/2026-11-08 (UTC)") from None
    start, end = (round((e if e.tzinfo else e.replace(tzinfo=UTC)).timestamp()) * 10**9 for e in ends)
    if start >= end:
        raise BadInput(f"found {named}{text}, which ends before it begins")
    return start, min(end, now)


def find_libraries(needed: Iterable[Library]) -> None:
    """Let this very process find libraries of the system; where one can't be had, whoever needs it says so."""
    from .stack import libraries
    from .stack.errors import Unavailable

    with contextlib.suppress(Unavailable):
        os.environ.update(libraries.environment(needed))


def complete_site(prefix: str, **_: object) -> Iterable[str]:
    """Complete SITE: names, and files that end in .yml."""
    from provisioning.site import SITES

    found = sorted(file.stem for file in SITES.glob(f"{prefix}*.yml") if os.sep not in prefix)
    folder, separator, start = prefix.rpartition(os.sep)
    try:
        entries = list(os.scandir(f"{folder}{separator}" or "."))
    except OSError:
        return found
    for path in entries:
        if path.name.startswith(start) and (start or not path.name.startswith(".")):
            if path.is_dir():
                found.append(f"{folder}{separator}{path.name}{os.sep}")
            elif path.name.endswith((".yml", ".yaml")):
                found.append(f"{folder}{separator}{path.name}")
    return found


def complete_instrument(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Complete INSTRUMENT from the site file that the command line names."""
    from provisioning import site
    from telegraf_inputs import yamlfile
    from telegraf_inputs.errors import BadInput

    try:
        data = yamlfile.load(str(site.find(getattr(parsed_args, "site", None) or DEFAULT_SITE))).data
        names = [str(instrument["name"]) for instrument in data["instruments"]]
    except (BadInput, KeyError, TypeError):  # half a site file has half the names; completion is no place to complain
        return []
    return [name for name in names if name.startswith(prefix)]
