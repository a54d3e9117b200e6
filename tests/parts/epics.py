"""A real IOC: EPICS base 7 with the records of a test, on loopback."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from labline.stack import ports

from . import packages

HOST = "127.0.0.1"
PATIENCE = 60.0  # seconds until it serves; never reached where all is well
RUNNING = "IOC Running"
# Its other protocol would listen on all addresses of this machine.
CHANNEL_ACCESS_ALONE = "from epicscorelibs.ioc import main; main(extra_dbd_load=(), extra_dso_load=())"


class Ioc:
    """Serves ``records`` (the text of a .db file) at ``port``; ``start`` again after ``stop``."""

    def __init__(self, folder: Path, records: str):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.port, self._repeater = ports.free(2)
        self.records = records
        self.start()

    def start(self) -> None:
        """Start it; returns when its records are processed."""
        file = self._folder / "records.db"
        file.write_text(self.records, encoding="utf-8")
        place = {
            "EPICS_CAS_INTF_ADDR_LIST": HOST,
            "EPICS_CA_ADDR_LIST": HOST,
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
            "EPICS_CA_SERVER_PORT": str(self.port),
            "EPICS_CAS_SERVER_PORT": str(self.port),
            "EPICS_CA_REPEATER_PORT": str(self._repeater),
            "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
            "EPICS_CAS_BEACON_ADDR_LIST": HOST,
            "PYTHONUNBUFFERED": "1",
        }
        # It is Python's own shell, which ends when its stdin does.
        self._process = subprocess.Popen(
            [packages.BASE, "-c", CHANNEL_ACCESS_ALONE, "-d", str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=packages.environment("ioc", **place),
            cwd=self._folder,
        )
        said = []
        for line in self._process.stdout or ():
            said.append(line)
            if RUNNING in line:
                return
        raise AssertionError(f"the IOC does not run: {''.join(said)}")

    def put(self, name: str, value: str) -> None:
        """Put a value into a field of a record, such as ``lab:T.VAL``, as the IOC's own shell does."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"ioc({f'dbpf {name} {value}'!r})\n")
        self._process.stdin.flush()

    def hang(self, hangs: bool) -> None:
        """Have it stand still, with all its connections, or go on."""
        self._process.send_signal(signal.SIGSTOP if hangs else signal.SIGCONT)

    def stop(self) -> None:
        """End it; clients lose their connections."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.kill()
        self._process.wait(PATIENCE)
        if self._process.stdout is not None:
            self._process.stdout.close()
