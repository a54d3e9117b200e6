"""A bare machine, booted once for all that is tried on it; where none can be had, it is told why."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.parts import debian_host
from tests.parts.site_machine import Machine
from tests.parts.site_machine import machine as bare_machine


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A bare Debian with a simulated chiller in its network, and an inventory for it."""
    if why := debian_host.unavailable():
        pytest.skip(why)
    with ExitStack() as undo:
        try:
            made = undo.enter_context(bare_machine(tmp_path_factory.mktemp("site-machine")))
        except debian_host.NoHost as error:
            pytest.skip(str(error))
        yield made


def went_well(done: subprocess.CompletedProcess[str]) -> str:
    """Give what a playbook said that came to its end."""
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout


@pytest.fixture(scope="session")
def told(machine: Machine) -> dict[str, str]:
    """What the playbook says: on the bare machine with --check, then at work, then twice on the machine that is done."""
    said = {"asked": went_well(machine.play("--check", "--diff"))}
    said["untouched"] = machine.host.run("ls", "/opt")
    said["made"] = went_well(machine.play("-vvv", "--diff"))
    said["again"] = went_well(machine.play())
    said["asked again"] = went_well(machine.play("--check", "--diff"))
    return said
