"""What containers would run, run here: the same commands, files and settings, with the containers' paths and names replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from labline.stack import ports
from labline.stack.process import Process

# By service: the port at which the others reach it.
PORTS = {"influxdb": 8086, "grafana": 3000, "caddy": 8443, "mosquitto": 1883}
LABLINE = ["/opt/labline/bin/labline", "/opt/labline/bin/python"]


class Uncontained:
    """A copy of a lab's folder of containers, made so that its commands run on this machine; ``ports`` by service."""

    def __init__(self, folder: Path, copy: Path):
        shutil.copytree(folder, copy)
        self.folder = copy
        self.ports = dict(zip(PORTS, ports.free(len(PORTS)), strict=True))
        self._services: dict[str, Any] = yaml.safe_load((copy / "compose.yaml").read_text())["services"]
        for service in self._services.values():
            for volume in service["volumes"]:
                place = copy / volume["source"]
                if volume.get("read_only"):
                    for file in [place] if place.is_file() else place.rglob("*"):
                        if file.is_file():
                            file.write_text(self._here(file.read_text(), service))

    def command(self, service: str) -> list[str]:
        """Give the command of a service, as it runs here."""
        words = [self._here(word, self._services[service]) for word in self._services[service]["entrypoint"]]
        return [sys.executable, "-m", "labline.cli", *words[1:]] if words[0] == LABLINE[0] else words

    def environment(self, service: str) -> dict[str, str]:
        """Give what its environment has beside that of the image."""
        given = self._services[service].get("environment", {})
        return {name: self._here(value.replace("$$", "$"), self._services[service]) for name, value in given.items()}

    def start(self, service: str, program: Path, more: Mapping[str, str] | None = None) -> Process:
        """Start a service with this program."""
        command = [program, *self.command(service)[1:]]
        environment = {**self.environment(service), **(more or {})}
        return Process(service, command, self.folder / f"{service}.log", environment)

    def run(self, service: str) -> subprocess.CompletedProcess[str]:
        """Run a service to its end."""
        environment = {**os.environ, **self.environment(service)}
        return subprocess.run(self.command(service), env=environment, capture_output=True, text=True, timeout=120)

    def health(self, service: str) -> subprocess.CompletedProcess[str]:
        """Ask whether a service is well, as its container would be asked."""
        _, *words = self._services[service]["healthcheck"]["test"]
        command = [self._here(word, self._services[service]) for word in words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def _here(self, text: str, service: Mapping[str, Any]) -> str:
        """Replace the paths that the container sees, the names by which it knows others, and the ports."""
        for volume in service["volumes"]:
            text = text.replace(volume["target"], str((self.folder / volume["source"]).resolve()))
        text = text.replace("/run/secrets", str(self.folder / "secrets")).replace(LABLINE[1], sys.executable)
        for name, port in PORTS.items():
            for before in (f"{name}:{port}", f"127.0.0.1:{port}"):
                text = text.replace(before, f"127.0.0.1:{self.ports[name]}")
            text = text.replace(f"localhost:{port}", f"localhost:{self.ports[name]}")
        return text
