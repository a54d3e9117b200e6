"""A package that installs, starts and reads its settings as Grafana's does, for hosts that can't get that one. It shows nothing."""

from __future__ import annotations

from pathlib import Path

from .. import apt_repository

VERSION = "13.1.3"
_HERE = Path(__file__).parent


def build(folder: Path) -> Path:
    """Build it in ``folder``."""
    files = {
        "usr/share/grafana/bin/grafana": _HERE / "grafana.py",
        "usr/lib/systemd/system/grafana-server.service": _HERE / "grafana-server.service",
        "etc/default/grafana-server": _HERE / "grafana-server.default",
    }
    return apt_repository.package(folder, "grafana", VERSION, files, (_HERE / "postinst").read_text())
