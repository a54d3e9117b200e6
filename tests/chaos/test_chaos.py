"""Faults of whole machines: no reading is lost or wrong, it is told, it heals. `make chaos` tries more of them, and longer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from .case import Case, Unavailable, all_cases

QUICK = [case for case in all_cases() if case.quick]


@pytest.fixture(scope="module")
def place() -> Iterator[Callable[[Case], Any]]:
    """Give what a case is tried on; opened once for all of its kind."""
    opened: dict[Any, Any] = {}
    with ExitStack() as stack:

        def of(case: Case) -> Any:
            if case.place not in opened:
                try:
                    opened[case.place] = stack.enter_context(case.place())
                except Unavailable as error:
                    opened[case.place] = error
            if isinstance(there := opened[case.place], Unavailable):
                pytest.skip(str(there))
            return there

        yield of


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.title)
def test_nothing_is_lost_or_wrong_and_it_is_told_and_heals(case: Case, place: Callable[[Case], Any]) -> None:
    outcome = case.run(place(case), False)
    assert not case.faults(outcome), (case.faults(outcome), outcome)
