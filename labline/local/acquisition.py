"""What reads a node's instruments, in a lab that runs on this machine: Telegraf, with the programs that it starts."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provisioning import telegraf_config
from provisioning.site import Node, Site

from ..live.telegraf_log import TelegrafLog
from ..places import Places
from ..stack import influxdb, telegraf
from ..stack.partslock import PartsLock
from ..stack.process import Process
from . import journal

MADE = (".conf", ".star", ".yml")  # what Telegraf's configuration consists of
FULL = (b"no space left on device", b"disk quota exceeded")  # in Telegraf's log


class Acquisition:
    """A node's Telegraf with its rendered configuration; ``process`` is there from ``start`` to ``stop``.

    ``log`` follows what it writes from when this was made, whichever process writes it.
    """

    def __init__(self, program: Path, places: Places, site: Site, node: Node, lock: PartsLock):
        self._program, self._places, self._node, self._lock = program, places, node, lock
        self._own = places.nodes[node.name]
        self.name = f"Telegraf of {node.name}" if len(site.nodes) > 1 else "Telegraf"
        self._telegraf: telegraf.Telegraf | None = None
        self._log_start = self._own.log.stat().st_size if self._own.log.exists() else 0
        self.log = TelegrafLog.of_node(site, node, self._own.log, offset=self._log_start)

    @property
    def node(self) -> str:
        return self._node.name

    @property
    def process(self) -> Process | None:
        return self._telegraf.process if self._telegraf else None

    def render(self, site: Site, environment: Mapping[str, str], connections: Mapping[str, str]) -> bool:
        """Write the configuration anew; tells whether a Telegraf that runs has to be started anew for it.

        Programs take up by themselves what changed in their instruments' files.
        ``environment`` is added to that of the instruments' programs; ``connections`` are URLs in the place of those
        of the site file, by instrument.
        """
        folder = self._own.telegraf
        paths = telegraf_config.TelegrafPaths(
            python=sys.executable,
            config=str(folder),
            secrets=str(self._places.secrets),
            journal=str(self._own.journal),
            memory=str(self._places.memory),
            socket=str(influxdb.socket_of(self._places.influxdb) or ""),
        )
        self._own.journal.mkdir(parents=True, exist_ok=True)
        self.log.reads(site, self._node)
        texts = telegraf_config.render(site, self._node, paths, environment=environment, connections=connections)
        # What else lies there, such as pauses, is not made from the site file.
        made = [file for file in folder.rglob("*") if file.suffix in MADE]
        before = {str(file.relative_to(folder)): file.read_text(encoding="utf-8") for file in made}
        for name in before.keys() - texts.keys():
            (folder / name).unlink()
        for name, text in texts.items():
            if before.get(name) != text:
                file = folder / name
                file.parent.mkdir(parents=True, exist_ok=True)
                new = file.with_name(f".{file.name}")
                new.write_text(text, encoding="utf-8")
                new.replace(file)
        return _of_telegraf(before) != _of_telegraf(texts)

    def begin(self) -> None:
        """Begin to start it. Raises StartFailed."""
        journal.seal(self._own.journal)
        config = self._own.telegraf / telegraf_config.CONF
        self._telegraf = telegraf.Telegraf(
            self._program,
            config,
            self._own.log,
            cwd=self._places.root,
            name=self.name,
            wait=False,
            lock=self._lock,
        )

    def is_up(self) -> bool:
        """Go on with its start; True once it is done. Raises StartFailed; then nothing of it runs."""
        return self._telegraf is not None and self._telegraf.is_up()

    def start(self) -> None:
        """Start it, and wait until it runs. Raises StartFailed."""
        self.begin()
        assert self._telegraf
        self._telegraf.wait()

    def stop(self) -> None:
        """Stop it; it ends its programs, then writes what it holds."""
        if self._telegraf:
            self._telegraf.stop()
            self._telegraf = None

    def told_of_a_full_disk(self) -> bool:
        """Look whether Telegraf, or the database by its mouth, told of that in this run."""
        with open(self._own.log, "rb") as log:
            log.seek(self._log_start)
            return any(words in line for line in log for words in FULL)


def _of_telegraf(texts: Mapping[str, str]) -> dict[str, Any]:
    """Take what Telegraf itself reads, without remarks; what paced programs read is theirs, and can't be changed below them."""
    own = {name: text for name, text in texts.items() if not name.endswith(".yml")}
    conf = tomllib.loads(own.pop(telegraf_config.CONF, ""))
    conf.get("agent", {}).pop("metric_buffer_limit", None)  # it goes by how much is read; the next start is soon enough
    named = [word for program in conf.get("inputs", {}).get("execd", []) for word in program["command"]]
    paced = {name: text for name, text in texts.items() if any(word.endswith(f"/{name}") for word in named)}
    return {"conf": conf, **own, **paced}
