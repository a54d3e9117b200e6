"""A computer with a Debian kernel, booted once for all that is tried on it, its clock a year behind; where there can be none, it is told why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.parts import debian_kernel
from tests.parts.kernel_node import Node


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node with what the playbook's roles write for its clock, its watchdog and Telegraf's unit, and nothing plugged in."""
    if why := debian_kernel.unavailable():
        pytest.skip(why)
    with ExitStack() as undo:
        try:
            node = Node(debian_kernel.made(), tmp_path_factory.mktemp("node"))
        except debian_kernel.NoComputer as error:
            pytest.skip(str(error))
        undo.callback(node.close)
        yield node
