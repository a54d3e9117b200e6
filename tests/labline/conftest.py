"""`labline run` as a user starts it: a process of its own, in a folder of the test's own."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from labline.stack import credentials, influxdb

LONGEST = 120  # seconds; only a hang takes so long


class Run:
    """A `labline run` as a process of its own; what it prints is gathered while it runs."""

    def __init__(self, folder: Path, *arguments: str, **environment: str):
        self.folder = folder
        # Grafana is not looked for on the network: where there is none, the vendor's server would be waited for.
        surroundings = {**os.environ, "LABLINE_GRAFANA_URL": "http://127.0.0.1:9", "COLUMNS": "100", **environment}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "labline.cli", "run", *arguments],
            cwd=folder,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.text, self._ended = "", False
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._gather, daemon=True)
        self._reader.start()

    def _gather(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            with self._more:
                self.text += line
                self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until what it prints matches."""
        with self._more:
            self._more.wait_for(lambda: self._ended or re.search(pattern, self.text, re.MULTILINE), LONGEST)
            found = re.search(pattern, self.text, re.MULTILINE)
        assert found, f"{pattern!r} never came:\n{self.text}"
        return found

    def end(self) -> int:
        """Wait for its end; gives the exit status."""
        try:
            status = self.process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            pytest.fail(f"it did not end:\n{self.text}")
        self._reader.join(LONGEST)
        return status

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def ledger(self) -> dict[str, tuple[int, int, int]]:
        """Read the ledger that it printed: made, written, lost by instrument."""
        rows = re.findall(r"^  (\S+) +(\d+) +(\d+) +(\d+)$", self.text, re.MULTILINE)
        return {name: (int(made), int(written), int(lost)) for name, made, written, lost in rows}


@pytest.fixture
def start(tmp_path: Path, telegraf_path: Path) -> Iterator:
    """Give a function that starts `labline run` in a folder of the test's own (Telegraf is there by then)."""
    running: list[Run] = []

    def started(*arguments: str, **environment: str) -> Run:
        running.append(Run(tmp_path, *arguments, **environment))
        return running[-1]

    yield started
    for run in running:
        if run.process.poll() is None:
            for process in [*run.family(), psutil.Process(run.process.pid)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            run.process.wait()


def passwords_of(server: influxdb.InfluxDB, folder: Path) -> Path:
    """Make a folder of passwords, as it is where Ansible or a person has put them, for a server that runs."""
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "labadmin").write_text(server.password)
    for user in ("writer", "reader"):
        credentials.secret(secrets, user)
    return secrets


def others_in(folder: Path) -> list[str]:
    """List the processes that have to do with a folder: none may be left behind."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(folder) in " ".join([*process.cmdline(), process.cwd()]) and process.pid != os.getpid():
                found.append(f"{process.pid} {process.cmdline()}")
    return found


def wait_until(condition, what: str) -> None:
    """Wait until something holds."""
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end, f"not within {LONGEST} s: {what}"
        time.sleep(0.1)
