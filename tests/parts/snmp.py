"""An SNMP agent: snmpsim, which answers what a file says, by SNMP v3 with authentication and encryption."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from labline.stack import ports
from labline.stack.process import Process

ENGINE = "80004fb805636c6f75644dab22cc"  # as a device keeps its own
USER, AUTH, PRIVACY = "lab", "authentication-secret", "encryption-secret"


class Agent:
    """Answers ``records`` (snmpsim's lines ``OID|type|value``) in the context ``ups``; ``start`` again after ``stop``."""

    def __init__(self, folder: Path, records: str):
        self.port = ports.free(1)[0]
        self._folder, self._data = folder, folder / "data"
        self._data.mkdir(parents=True)
        self.answer(records)
        self.start()

    def answer(self, records: str) -> None:
        """Answer other things from the next start on."""
        self.records = records
        (self._data / "ups.snmprec").write_text(records, encoding="utf-8")

    def start(self) -> None:
        """Start it; returns when it answers."""
        command: list[str | Path] = [
            Path(sys.executable).with_name("snmpsim-command-responder"),
            f"--v3-engine-id={ENGINE}",  # what follows belongs to it: it must come first
            f"--data-dir={self._data}",
            f"--cache-dir={self._folder / 'cache'}",
            f"--v3-user={USER}",
            f"--v3-auth-key={AUTH}",
            "--v3-auth-proto=SHA256",
            f"--v3-priv-key={PRIVACY}",
            "--v3-priv-proto=AES",
            f"--agent-udpv4-endpoint=127.0.0.1:{self.port}",
            *(("--process-user=root", "--process-group=root") if os.geteuid() == 0 else ()),
        ]
        self._process = Process("snmpsim", command, self._folder / "snmpsim.log")
        self._process.wait_ready(
            lambda: f"127.0.0.1:{self.port}" in self._process.output().partition("Listening")[2], 30
        )

    def stop(self) -> None:
        """Fall silent."""
        self._process.stop(5)
