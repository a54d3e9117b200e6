"""A bare machine, booted once for all that is tried on it; where none can be had, it is told why."""

from __future__ import annotations

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
