"""A host of `debian_host` as testinfra looks at it: its packages, services, files, users and ports."""

from __future__ import annotations

import subprocess
from typing import Any

import testinfra.host
from testinfra.backend.base import BaseBackend, CommandResult

from .debian_host import Host


class _Inside(BaseBackend):
    """Runs testinfra's commands in a host, as root."""

    NAME = "nspawn"

    def __init__(self, host: Host):
        super().__init__(host.name)
        self._inside = host.as_root()

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:
        command = self.get_command(command, *args)
        done = subprocess.run([*self._inside, "sh", "-c", command], stdin=subprocess.DEVNULL, capture_output=True)
        return self.result(done.returncode, command.encode(), done.stdout, done.stderr)


def looked_at(host: Host) -> testinfra.host.Host:
    """Give a host to testinfra."""
    return testinfra.host.Host(_Inside(host))
