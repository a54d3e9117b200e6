"""A bare machine, booted once for all that is tried on it; where none can be had, it is told why."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.ansible import left_by
from tests.parts import debian_host
from tests.parts.site_machine import Machine, went_well
from tests.parts.site_machine import machine as bare_machine

PATIENCE = 120.0  # seconds; never reached where all is well
JOURNAL = "grep -h ^julabo, /var/lib/labline/journal/*"


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A bare Debian with a simulated chiller in its network, and an inventory for it."""
    with ExitStack() as undo:
        with debian_host.or_skip():
            made = undo.enter_context(bare_machine(tmp_path_factory.mktemp("site-machine")))
        yield made


@pytest.fixture(scope="session")
def told(machine: Machine) -> dict[str, str]:
    """What the playbook says, run as users run it: on the bare machine with --check, then at work, then twice on the machine that is done."""
    former = machine.host.path(left_by.FORMER_RULES)
    former.parent.mkdir(parents=True, exist_ok=True)
    former.touch()
    said = {"asked": went_well(machine.play("--check", "--diff", plainly=True))}
    said["untouched"] = machine.host.run("ls", "/opt")
    said["made"] = went_well(machine.play("-vvv", "--diff", plainly=True))
    said["again"] = went_well(machine.play(plainly=True))
    said["asked again"] = went_well(machine.play("--check", "--diff", plainly=True))
    return said


def all_is_stored(machine: Machine) -> set[int]:
    """Wait until all that the node read so far, by its journal, and something after it is in the database.

    Gives when all that is there was read (ns since 1970).
    """
    made = {int(line.split()[-1]) for line in machine.host.run("sh", "-c", JOURNAL).splitlines()}
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = json.loads(machine.query("SELECT temperature FROM raw.julabo"))["results"][0]
        stored = {int(row[0]) for row in answer["series"][0]["values"]} if "series" in answer else set()
        if stored and made <= stored and max(stored) > max(made, default=0):
            return stored
        assert time.monotonic() < deadline, machine.host.run("journalctl", "-n", "50", "--no-pager")
        time.sleep(0.2)
