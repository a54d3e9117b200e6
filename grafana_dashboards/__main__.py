"""Writes the files that Grafana provisions: ``python -m grafana_dashboards [SITE] [--to DIR]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import provisioning.site
from telegraf_inputs.errors import BadInput

from . import emit

DEMO = "demo"


def main(argv: list[str] | None = None) -> int:
    """Render one site; returns the exit status: 0 done, 1 it can't be written, 2 wrong use."""
    parser = argparse.ArgumentParser(
        "python -m grafana_dashboards", description=(__doc__ or "").partition(":")[0] + "."
    )
    parser.add_argument(
        "site",
        nargs="?",
        default=DEMO,
        help="a site file, or the name of one in provisioning/sites (default: %(default)s)",
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="the folder to write into (default: provisioning/grafana for demo, else rendered/NAME/grafana)",
    )
    arguments = parser.parse_args(argv)
    try:
        site = provisioning.site.load(provisioning.site.find(arguments.site))
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    folder = arguments.to or default_folder(arguments.site, site.name)
    try:
        changes = emit.write(site, folder)
    except emit.InvalidForGrafana as error:
        print(f"{site.file}: a fault of labline itself, nothing was written: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or folder}: {error.strerror}; nothing more was written", file=sys.stderr)
        return 1
    for name, what in changes.items():
        print(f"{what}: {folder / name}")
    print(f"{folder} is current")
    return 0


def default_folder(asked: str, name: str) -> Path:
    """Choose where a site's files go: the demo's are committed, others have a folder of their own."""
    return provisioning.site.SITES.parent / "grafana" if asked == DEMO else Path("rendered") / name / "grafana"


if __name__ == "__main__":
    sys.exit(main())
