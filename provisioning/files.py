"""Rendered files in a folder: written only where they differ, and removed where the site no longer makes them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from . import influxdb_schema, telegraf_config
from .site import Node, Site
from .telegraf_config import HEADER, TelegrafPaths

SCHEMA = "influxdb/schema.influxql"
CONF = f"telegraf/{telegraf_config.CONF}"
# What may lie in a node's folder from another day, if it says that we made it.
OURS = (CONF, f"telegraf/{telegraf_config.INSTRUMENTS}/*.yml", SCHEMA)


def of_node(site: Site, node: Node) -> str:
    """Name the folder of a node's files, inside that of the site: of one node alone it is the same."""
    return f"{node.name}/" if len(site.nodes) > 1 else ""


def render(site: Site, paths: TelegrafPaths | None = None) -> dict[str, str]:
    """Make the files for Telegraf and InfluxDB: path inside the folder -> text."""
    files = {
        f"{of_node(site, node)}telegraf/{name}": text
        for node in site.nodes
        for name, text in telegraf_config.render(site, node, paths).items()
    }
    return files | {f"{of_node(site, site.server)}{SCHEMA}": influxdb_schema.render(site)}


def changes(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Compare a folder with what should be in it: path -> "new", "changed" or "no longer made"."""
    found = {}
    for name, text in files.items():
        try:
            if (folder / name).read_bytes() != text.encode():
                found[name] = "changed"
        except FileNotFoundError:
            found[name] = "new"
    return found | dict.fromkeys(_left_over(folder, files), "no longer made")


def write(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Bring a folder to what should be in it, each file at once or not at all; returns the changes."""
    found = changes(folder, files)
    for name, what in found.items():
        path = folder / name
        if what == "no longer made":
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        try:
            temporary.write_bytes(files[name].encode())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return found


def _left_over(folder: Path, files: Mapping[str, str]) -> Iterator[str]:
    """List what an earlier rendering of the same site left, in the folders of its nodes; other labs' folders are not ours."""
    sites = {_site(text) for name, text in files.items() if name.endswith(CONF)}
    nodes = [conf.parent.parent for conf in folder.glob(f"*/{CONF}") if _site(_text(conf)) in sites]
    for place in (folder, *sorted(nodes)):
        for pattern in OURS:
            for path in sorted(place.glob(pattern)):
                name = path.relative_to(folder).as_posix()
                if name not in files and HEADER.strip("# \n") in _text(path):
                    yield name


def _site(conf: str) -> str:
    """Read in a telegraf.conf of ours which site it is of."""
    found = re.search(r'^\[global_tags\]\n  site = "(.*)"$', conf, re.MULTILINE)
    return found[1] if found and conf.startswith(HEADER) else ""


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
