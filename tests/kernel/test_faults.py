"""What a node's kernel has done to it: nothing is lost or wrong, it is told, it heals. `make chaos` writes what came of it."""

from __future__ import annotations

import pytest

from tests.chaos.case import Case
from tests.chaos.cases import kernel
from tests.parts.kernel_node import Node


@pytest.mark.parametrize("case", kernel.CASES, ids=lambda case: case.title)
def test_nothing_is_lost_or_wrong_and_it_is_told_and_heals(case: Case, node: Node) -> None:
    outcome = case.run(node, False)
    assert not case.faults(outcome), (case.faults(outcome), outcome)
    assert outcome.made > 0
