"""What a case of chaos is, what comes of it, and where all of them are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from . import cases


class Unavailable(Exception):
    """This machine has no place for a case; says why."""


@dataclass(frozen=True)
class Outcome:
    """What came of a fault: readings made from its beginning until all was well again, and what of them the database has.

    ``lost`` of them are not there after the database was started anew, ``wrong`` are there with another value or time than the
    instrument told; ``told``: what said so to people; ``healed``: how long after the fault's end all was there (s); None: not at all;
    ``lasted``: how long the fault was (s), where that matters.
    """

    made: int
    lost: int
    wrong: int
    told: tuple[str, ...]
    healed: float | None
    lasted: float | None = None


@dataclass(frozen=True)
class Case:
    """A fault, and how it is made: ``run`` gets what ``place`` gives, and whether it may take its time.

    ``place`` is opened once for all cases that name it. Raises Unavailable. ``may_lose`` of the readings may be missing, for the reason in ``why``;
    ``quick`` ones are tests, too.
    """

    title: str
    done: str
    place: Callable[[], AbstractContextManager[Any]]
    run: Callable[[Any, bool], Outcome]
    may_lose: int = 0
    why: str = ""
    quick: bool = True

    def faults(self, outcome: Outcome) -> list[str]:
        """Tell what of the promise does not hold: read all the while, nothing lost or wrong, told, healed."""
        found = [] if outcome.made else ["nothing was read meanwhile"]
        if outcome.lost > self.may_lose:
            found.append(f"{outcome.lost} of {outcome.made} readings are lost; {self.may_lose} may be")
        if outcome.wrong:
            found.append(f"{outcome.wrong} readings are wrong")
        if not outcome.told:
            found.append("nobody is told")
        if outcome.healed is None:
            found.append("it does not heal")
        return found


def all_cases() -> list[Case]:
    """Gather ``CASES`` of each module in the folder ``cases``, by the modules' names."""
    found: list[Case] = []
    for module in sorted(info.name for info in pkgutil.iter_modules(cases.__path__)):
        found += importlib.import_module(f"{cases.__name__}.{module}").CASES
    return found
