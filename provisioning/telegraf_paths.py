"""Where things are on a machine that runs Telegraf: needs no package, for the command's help tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TelegrafPaths:
    """Where things are on the machine that runs Telegraf, all absolute; the folders must be there when it starts."""

    python: str = "/opt/labline/bin/python"
    config: str = "/etc/labline/telegraf"  # where the rendered files lie
    secrets: str = "/etc/labline/secrets"
    journal: str = "/var/lib/labline/journal"
    memory: str = (
        "/var/lib/labline/memory"  # where programs remember how far they have read; made by the first that does
    )
    socket: str = ""  # InfluxDB's Unix socket, where it is on this machine and Telegraf shall write there
