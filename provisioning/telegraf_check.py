"""Has the real Telegraf read the configuration that a site renders to, with strict rules for environment variables."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from msgspec import structs

from . import files, native_config, telegraf_config
from .levels import Storage
from .site import Node, Site
from .telegraf_config import CONF, TelegrafPaths


def check(site: Site, telegraf: Path) -> str:
    """Run `telegraf config check` for each node; returns what it says against one's configuration, or ""."""
    for node in site.nodes:
        if said := _check(site, node, telegraf):
            return f"{node.name}: {said}" if len(site.nodes) > 1 else said
    return ""


def _check(site: Site, node: Node, telegraf: Path) -> str:
    """Check a copy of a node's files, with folders of its own."""
    with tempfile.TemporaryDirectory(prefix="labline-check-") as name:
        folder = Path(name)
        secrets, journal = folder / "secrets", folder / "journal"
        secrets.mkdir()
        journal.mkdir()
        for secret in telegraf_config.secrets(site, node):
            (secrets / secret).write_text("not-the-password")
        # Telegraf reads certificates at once, and they are there on Telegraf's machine alone.
        site = structs.replace(
            site,
            influxdb=_without_ca(site.influxdb),
            instruments=tuple(
                structs.replace(i, stanza=native_config.without_files(i.stanza)) for i in site.instruments
            ),
        )
        paths = TelegrafPaths(config=str(folder), secrets=str(secrets), journal=str(journal))
        made = telegraf_config.render(site, node, paths, for_programs=False)
        files.write(folder, made)
        try:
            done = subprocess.run(
                [telegraf, "config", "check", "--config", str(folder / CONF), "--strict-env-handling"],
                capture_output=True,
                text=True,
                timeout=60,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"it does not run: {error}"
    return (
        "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"it ends with status {done.returncode}"
    )


def _without_ca(influxdb: Storage) -> Storage:
    write = structs.replace(influxdb.write, ca="") if influxdb.write else None
    return structs.replace(influxdb, ca="", write=write)
