"""What reads the instruments of a lab that runs on this machine: Telegraf, with the programs that it starts."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from provisioning import telegraf_config
from provisioning.site import Site

from .. import ledger
from ..live.telegraf_log import TelegrafLog
from ..places import Places
from ..stack import telegraf
from ..stack.process import Process

FULL = (b"no space left on device", b"disk quota exceeded")  # in Telegraf's log


class Acquisition:
    """Telegraf with the rendered configuration of a site; ``process`` is there from ``start`` to ``stop``.

    ``log`` follows what it writes from when this was made, whichever process writes it.
    """

    def __init__(self, program: Path, places: Places):
        self._program, self._places = program, places
        self._telegraf: telegraf.Telegraf | None = None
        self._log_start = places.telegraf_log.stat().st_size if places.telegraf_log.exists() else 0
        self.log = TelegrafLog(places.telegraf_log, self._log_start)

    @property
    def process(self) -> Process | None:
        return self._telegraf.process if self._telegraf else None

    def render(self, site: Site, environment: Mapping[str, str], connections: Mapping[str, str]) -> None:
        """Write the configuration anew.

        ``environment`` is added to that of the instruments' programs; ``connections`` are URLs in the place of those
        of the site file, by instrument.
        """
        places = self._places
        paths = telegraf_config.Paths(
            python=sys.executable,
            config=str(places.telegraf),
            secrets=str(places.secrets),
            journal=str(places.journal),
        )
        self.log.programs = telegraf_config.names_by_program(site.instruments)
        environment = {ledger.VARIABLE: str(places.ledger), **environment}
        shutil.rmtree(places.telegraf, ignore_errors=True)
        texts = telegraf_config.render(site, paths, environment=environment, connections=connections)
        for name, text in texts.items():
            file = places.telegraf / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def start(self) -> None:
        """Start it. Raises StartFailed."""
        config = self._places.telegraf / telegraf_config.CONF
        self._telegraf = telegraf.Telegraf(self._program, config, self._places.telegraf_log, cwd=self._places.root)

    def stop(self) -> None:
        """Stop it; it ends its programs, then writes what it holds."""
        if self._telegraf:
            self._telegraf.stop()
            self._telegraf = None

    def restart(self) -> None:
        """Start it anew. Raises StartFailed."""
        self.stop()
        self.start()

    def told_of_a_full_disk(self) -> bool:
        """Look whether Telegraf, or the database by its mouth, told of that in this run."""
        with open(self._places.telegraf_log, "rb") as log:
            log.seek(self._log_start)
            return any(words in line for line in log for words in FULL)
