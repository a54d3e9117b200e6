"""Rendered files in a folder: written only where they differ, and removed where the site no longer makes them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from . import influxdb_schema, telegraf_config
from .site import Site
from .telegraf_config import HEADER, Paths

SCHEMA = "influxdb/schema.influxql"
# What may lie in a folder from another day: patterns, inside it, of files that are ours if they begin with HEADER.
OURS = (f"telegraf/{telegraf_config.INSTRUMENTS}/*.yml",)


def render(site: Site, paths: Paths | None = None) -> dict[str, str]:
    """Make the files for Telegraf and InfluxDB: path inside the folder -> text."""
    files = {f"telegraf/{name}": text for name, text in telegraf_config.render(site, paths).items()}
    return files | {SCHEMA: influxdb_schema.render(site)}


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
    for pattern in OURS:
        for path in sorted(folder.glob(pattern)):
            name = path.relative_to(folder).as_posix()
            if name not in files and path.read_text(encoding="utf-8", errors="replace").startswith(HEADER):
                yield name
