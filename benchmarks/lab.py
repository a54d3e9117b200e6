"""Simulated instruments, and the programs that read them, each with its config file, in a folder that goes away."""

from __future__ import annotations

import compileall
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import yaml

import telegraf_inputs
from labline.stack import libraries
from labline.stack.errors import Unavailable
from telegraf_inputs import clock, drivers, memory, transports


def stanza(driver: str, name: str, **keys: Any) -> dict[str, Any]:
    """Make a stanza of a driver's example, read from its simulator."""
    made: dict[str, Any] = yaml.safe_load(drivers.load(driver).example)
    return {**made, "name": name, "connection": "sim", **keys}


def mixed(count: int, names: Sequence[str], **keys: Any) -> list[dict[str, Any]]:
    """Make stanzas of some drivers in turn."""
    return [stanza(names[number % len(names)], f"instrument{number}", **keys) for number in range(count)]


class Lab:
    """Runs the simulators in one process; ``programs`` are the commands that read them, one a driver, by its name."""

    def __init__(self, stanzas: list[dict[str, Any]]):
        self._folder = tempfile.TemporaryDirectory(prefix="labline-bench-")
        self.folder = Path(self._folder.name)
        # As an installed program: its modules are compiled, and not at each start.
        compileall.compile_dir(Path(telegraf_inputs.__file__).parent, quiet=2)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        self.environment[clock.VARIABLE] = "unchecked"
        self.environment[memory.VARIABLE] = ""  # nothing is remembered of them
        try:
            self.environment |= libraries.environment(transports.load("phidget").libraries)
        except Unavailable as error:
            print(f"Phidgets fail: {error}", file=sys.stderr)
        self._started: list[subprocess.Popen[bytes]] = []
        files = [self._write(each, each["name"]) for each in stanzas]
        self._simulators = subprocess.Popen(
            [sys.executable, "-m", "telegraf_inputs.simulators", *files],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.environment,
            text=True,
        )
        urls = dict(line.split() for line in iter(self._simulators.stdout.readline, "ready\n"))  # type: ignore[union-attr]
        self.programs: dict[str, list[str]] = {}
        for each in stanzas:
            file = self._write({**each, "connection": urls[each["name"]]}, f"{each['name']}.program")
            module = f"telegraf_inputs.drivers.{each['driver']}"
            self.programs.setdefault(each["driver"], [sys.executable, "-m", module]).extend(["--config", file])

    def start(self, driver: str, stdout: int | IO[bytes] = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        """Start a driver's program."""
        log = open(self.folder / "log", "ab")  # noqa: SIM115  # it is the program's from here
        process = subprocess.Popen(
            self.programs[driver], stdin=subprocess.PIPE, stdout=stdout, stderr=log, env=self.environment
        )
        log.close()
        self._started.append(process)
        return process

    def stop(self) -> None:
        """End the programs that run."""
        for process in self._started:
            process.stdin.close()  # type: ignore[union-attr]
        for process in self._started:
            process.wait(30)
        self._started.clear()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._simulators.stdin.close()  # type: ignore[union-attr]
        self._simulators.wait(30)
        self._folder.cleanup()

    def _write(self, data: dict[str, Any], name: str) -> str:
        file = self.folder / f"{name}.yml"
        file.write_text(json.dumps(data, ensure_ascii=False))  # JSON is YAML
        return str(file)
