"""Arguments that several verbs have, with their completion."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from telegraf_inputs.errors import BadInput, suggestion

DEFAULT_SITE = "demo"
SITES = Path(__file__).parent.parent / "provisioning" / "sites"


def add_site(parser: argparse.ArgumentParser) -> None:
    """Declare the argument SITE; the verb calls ``site_file(arguments.site)``."""
    action = parser.add_argument(
        "site", metavar="SITE", nargs="?", default=DEFAULT_SITE, help=f"a name in provisioning/sites, or a path to a site file (default: {DEFAULT_SITE})"
    )
    action.completer = complete_site  # type: ignore[attr-defined]


def add_state(parser: argparse.ArgumentParser) -> None:
    """Declare where a lab that runs here keeps its data, passwords and logs."""
    parser.add_argument(
        "--state", metavar="DIR", type=Path, default=Path(".labline"), help="where a lab that runs here keeps its data (default: .labline)"
    )


def site_names() -> list[str]:
    """List the sites that come with labline."""
    return sorted(file.stem for file in SITES.glob("*.yml"))


def site_file(text: str) -> Path:
    """Find a site file by its name in provisioning/sites or by its path. Raises BadInput."""
    path = Path(text)
    looks_like_path = path.suffix in (".yml", ".yaml") or os.sep in text
    if looks_like_path and path.is_file():
        return path
    if not looks_like_path and text in site_names():
        return SITES / f"{text}.yml"
    if looks_like_path:
        raise BadInput(f"there is no site file {text!r}{f' in {Path.cwd()}' if not path.is_absolute() else ''}")
    raise BadInput(f"there is no site {text!r} in provisioning/sites; {suggestion(text, site_names())}; or give the path to a file, such as ./{text}.yml")


def complete_site(prefix: str, **_: object) -> Iterable[str]:
    """Complete SITE: names, and files that end in .yml."""
    found = [name for name in site_names() if name.startswith(prefix)]
    folder, _, start = prefix.rpartition(os.sep)
    try:
        entries = list(os.scandir(folder or "."))
    except OSError:
        return found
    lead = f"{folder}{os.sep}" if folder else ""
    for entry in entries:
        if entry.name.startswith(start) and (start or not entry.name.startswith(".")):
            if entry.is_dir():
                found.append(f"{lead}{entry.name}{os.sep}")
            elif entry.name.endswith((".yml", ".yaml")):
                found.append(f"{lead}{entry.name}")
    return found


def complete_instrument(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Complete INSTRUMENT from the site file that the command line names."""
    from telegraf_inputs import yamlfile

    try:
        data = yamlfile.load(str(site_file(getattr(parsed_args, "site", None) or DEFAULT_SITE))).data
        names = [str(entry["name"]) for entry in data["instruments"]]
    except (BadInput, KeyError, TypeError):  # half a site file has half the names; completion is no place to complain
        return []
    return [name for name in names if name.startswith(prefix)]
