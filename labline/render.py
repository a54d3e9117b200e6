"""Write a site's files for Telegraf, InfluxDB and Grafana.

Files that are already right are not touched, those of instruments that are gone are removed."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from .arguments import add_site

FROM = ".site-file"  # in a rendered folder: whose it is
EXAMPLES = """\
  labline render                     write the files of the demo lab, provisioning/telegraf and the others
  labline render my-lab.yml --to etc  write another lab's files into a folder of their own
  labline render --check             change nothing; status 1 if a file is not current
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    from provisioning.telegraf_paths import TelegrafPaths

    add_site(parser)
    parser.add_argument(
        "--to",
        metavar="DIR",
        type=Path,
        help="the folder to write into (default: provisioning for demo, else rendered/NAME); of several nodes, each has "
        "one in it",
    )
    parser.add_argument("--check", action="store_true", help="change nothing; tell what is not current, with status 1")
    parser.add_argument(
        "--beside",
        metavar="SITE",
        action="append",
        default=[],
        help="another site that is in the same Grafana: its alarms reach its people, too (repeatable)",
    )
    where = parser.add_argument_group("where things are on the machine that will run Telegraf and Grafana")
    for name, help in (
        ("python", "the Python that has labline"),
        ("config", "the folder of the rendered Telegraf files"),
        ("secrets", "the folder of the passwords"),
        ("journal", "the folder of the journal"),
    ):
        where.add_argument(
            f"--{name}",
            metavar="PATH",
            type=_place,
            default=getattr(TelegrafPaths(), name),
            help=f"{help} (default: %(default)s)",
        )
    where.add_argument(
        "--grafana-secrets",
        metavar="PATH",
        type=_place,
        help="the folder of Grafana's passwords, that of `reader` too, where it is another (default: that of --secrets, and "
        "$LABLINE_READER_PASSWORD)",
    )


def _tell_of_other_names(folder: Path, file: Path, only_check: bool) -> None:
    """Tell what the same site file was called before, and write what removes that from Grafana."""
    from grafana_dashboards import removal

    if not only_check:
        (folder / FROM).write_text(f"{file}\n", encoding="utf-8")
    for mark in sorted(folder.parent.glob(f"*/{FROM}")):
        before = mark.parent
        if before.name == folder.name or mark.read_text(encoding="utf-8").rstrip("\n") != str(file):
            continue
        print(
            f"note: {file.name} was called {before.name!r} before. Its data stay in the database, with the tag site={before.name}."
        )
        graphs = [before / "grafana", *before.glob("*/grafana")]
        written = [
            path for graph in graphs if graph.is_dir() and not only_check for path in removal.write(graph, before.name)
        ]
        if written:
            print(
                f"  What it made in Grafana is removed by {graphs[0] if graphs[0].is_dir() else graphs[1]}: copy that over what is in "
                "Grafana's provisioning folder, restart Grafana once, then delete it there and here."
            )


def _former_server(folder: Path, grafana: Path, provider: str) -> Path | None:
    """Find the files for Grafana of this site that lie in another node's folder than ``grafana``; None where there are none."""
    places = (folder / "grafana", *sorted(folder.glob("*/grafana")))
    return next((place for place in places if place != grafana and (place / provider).exists()), None)


def _place(text: str) -> str:
    """Make a path absolute, without a slash at its end, with which Telegraf takes no folder of passwords."""
    if not text:
        raise argparse.ArgumentTypeError("found nothing, expected a path")
    return os.path.abspath(text)


def run(arguments: argparse.Namespace) -> int:
    """Render; returns the exit status."""
    import provisioning.site
    from grafana_dashboards import emit
    from grafana_dashboards.places import PROVIDER, placed
    from provisioning import files, json_schema
    from provisioning.telegraf_paths import TelegrafPaths

    from . import simulation
    from .stack import told

    site = provisioning.site.load(provisioning.site.find(arguments.site))
    beside = [provisioning.site.load(provisioning.site.find(name)) for name in arguments.beside]
    own = Path(site.file).resolve() == provisioning.site.SITES / "demo.yml"
    folder = arguments.to or (provisioning.site.SITES.parent if own else Path("rendered") / site.name)
    paths = TelegrafPaths(
        python=arguments.python, config=arguments.config, secrets=arguments.secrets, journal=arguments.journal
    )
    grafana_paths = emit.grafana_paths(arguments.secrets, arguments.grafana_secrets)
    made = files.render(site, paths) | ({json_schema.FILE: json_schema.render()} if own and not arguments.to else {})
    grafana = folder / files.of_node(site, site.server) / "grafana"
    former = _former_server(folder, grafana, placed(PROVIDER, site.name))
    try:  # before anything is written
        wanted = emit.on_disk(site, grafana_paths, grafana if grafana.exists() else former or grafana, beside)
    except emit.InvalidForGrafana as error:
        print(f"labline: {error}", file=sys.stderr)
        return 1
    if former and not grafana.exists():
        print(
            f"{'to be moved' if arguments.check else 'moved'}: {former} to {grafana}, for another node is the server now"
        )
        if not arguments.check:
            grafana.parent.mkdir(parents=True, exist_ok=True)
            former.rename(grafana)
    elif former:
        print(f"note: {former} is from when another node was the server; take it away there, and here")
    if arguments.check:
        changes = files.changes(folder, made), files.changes(grafana, wanted)
        changes[1].update(dict.fromkeys(emit.left_over(site, grafana, wanted), "no longer made"))
    else:
        changes = files.write(folder, made), emit.write(site, grafana, grafana_paths, beside)
    for place, found in zip((folder, grafana), changes, strict=True):
        for name, what in found.items():
            print(f"{what}: {place / name}")
    count = sum(map(len, changes))
    if arguments.check and count:
        run = f"{told.command()} render {arguments.site}"
        print(f"labline: {count} file(s) are not current; run: {run}", file=sys.stderr)
        return 1
    print(f"{folder} is current")
    if not arguments.to and not own:
        _tell_of_other_names(folder, Path(site.file).resolve(), arguments.check)
    if note := simulation.note(site):
        print(note)
    return 0
