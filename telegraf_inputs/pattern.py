"""Patterns (regular expressions) that people write for what devices say: only such as are done soon with any text.

Python's engine tries all ways in which repeats can share out a text among them, and holds the whole program meanwhile.
So a pattern whose repeats stand in each other, or of which too many can take the same characters, is refused when it
is read, and no text is longer than what it is done with in a fraction of a second. Decision 0029 tells why.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from re import _constants as op  # type: ignore[attr-defined]  # the engine's own reading of a pattern
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from .errors import BadAnswer, BadInput, shown

LONGEST_PATTERN = 300  # characters
MOST_ATOMS = 1000  # characters and repeats, where those of a fixed number are written out
MOST_STEPS = 20_000_000  # of the engine: some tenths of a second
LONGEST_TEXT = 65536  # characters, of the simplest pattern
MOST_LOOSE = 3  # repeats that can take what stands behind them, too
OTHERS = 256  # stands for all characters beyond Latin-1
ALL = frozenset(range(OTHERS + 1))
REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT)
CATEGORIES: dict[Any, Callable[[str], bool]] = {
    op.CATEGORY_DIGIT: str.isdecimal,
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_WORD: lambda c: c.isalnum() or c == "_",
}
NEGATED = {
    op.CATEGORY_NOT_DIGIT: op.CATEGORY_DIGIT,
    op.CATEGORY_NOT_SPACE: op.CATEGORY_SPACE,
    op.CATEGORY_NOT_WORD: op.CATEGORY_WORD,
}


class Pattern:
    """A pattern that is known to be soon done, and how long a text it may be tried on."""

    def __init__(self, text: str, *, search: bool = False):
        """Read a pattern, for whole texts or to ``search`` in them. Raises BadInput where it is none, or may take for ever."""
        self.text, self._search = text, search
        if len(text) > LONGEST_PATTERN:
            raise BadInput(f"is {len(text)} characters long, expected {LONGEST_PATTERN} at most")
        try:
            self._compiled = re.compile(text)
            self._loose: int = _loose_repeats(list(_atoms(_parser.parse(text))))
        except (re.error, OverflowError, RecursionError) as error:
            raise BadInput(f"{shown(text)} is no regular expression: {error}") from None
        except _Slow as error:
            raise BadInput(f"{shown(text)} may take for ever: {error}") from None
        if self._loose + search > MOST_LOOSE:
            raise BadInput(
                f"{shown(text)} may take for ever: {self._loose} of its repeats can take what stands behind them, too; "
                f"expected {MOST_LOOSE - search} at most, such as [^,]* instead of .* before a comma"
            )

    @cached_property
    def groups(self) -> int:
        """How many groups there are in it."""
        return self._compiled.groups

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of its groups, of those that have one."""
        return tuple(self._compiled.groupindex)

    @cached_property
    def longest(self) -> int:
        """How many characters take no more than MOST_STEPS: each loose repeat may end anywhere behind the one before."""
        ends = self._loose + self._search + 1
        lengths: list[int] = [2**power for power in range(17)]
        return max(n for n in lengths if math.comb(n + ends - 1, ends) <= MOST_STEPS)

    def match(self, text: str) -> re.Match[str] | None:
        """Match a whole text, or find the pattern in it. Raises BadAnswer where the text is too long."""
        if len(text) > self.longest:
            raise BadAnswer(
                f"found {len(text)} characters ({text[:40]!r} …), more than the {self.longest} on which the pattern "
                f"{shown(self.text)} is tried"
            )
        return self._compiled.search(text) if self._search else self._compiled.fullmatch(text)


class _Slow(Exception):
    """Tells what may take for ever in a pattern."""


@dataclass(frozen=True)
class _Atom:
    """One character, or one repeat: which characters it takes; whether it may take none, or more and less of them.

    ``skip``: so many atoms from it on may be left out together.
    """

    takes: frozenset[int]
    optional: bool = False
    loose: bool = False
    skip: int = 0


def check_pattern(text: object, path: tuple[Any, ...], *, search: bool = False) -> None:
    """Refuse (BadInput at ``path``) what is no regular expression, or one that may take for ever."""
    if not isinstance(text, str):
        raise BadInput(f"found {text!r}, expected a regular expression in quotes", path)
    try:
        Pattern(text, search=search)
    except BadInput as error:
        raise BadInput(error.message, path) from None


def _loose_repeats(atoms: list[_Atom]) -> int:
    """Count what can end in several ways: what comes next can be taken by it, too; so can what comes where it is left out."""
    follows = _follows(atoms)
    return sum(
        (atom.loose and bool(atom.takes & follows[number + 1]))
        + (atom.skip > 0 and bool(atom.takes & follows[number + atom.skip]))
        for number, atom in enumerate(atoms)
    )


def _follows(atoms: list[_Atom]) -> list[frozenset[int]]:
    """Tell which characters may come at each atom, and behind the last one."""
    found: list[frozenset[int]] = [frozenset()]  # from the end on
    for atom in reversed(atoms):
        takes = atom.takes
        if atom.optional:
            takes |= found[-1]
        if atom.skip:
            takes |= found[-atom.skip]
        found.append(takes)
    return found[::-1]


def _atoms(parsed: Iterable[tuple[Any, Any]], *, repeated: bool = False) -> Iterator[_Atom]:
    """List the atoms of a pattern in their order, alternatives behind each other; ``repeated``: they are in a repeat."""
    count = 0
    for code, value in parsed:
        for atom in _of(code, value, repeated):
            count += 1
            if count > MOST_ATOMS:
                raise _Slow(f"it repeats too much, more than {MOST_ATOMS} times")
            yield atom


def _of(code: Any, value: Any, repeated: bool) -> Iterator[_Atom]:
    if code in (*REPEATS, op.POSSESSIVE_REPEAT):
        least, most, inner = value
        yield from _repeat(int(least), int(most), inner, repeated)
    elif code is op.SUBPATTERN:
        yield from _atoms(value[-1], repeated=repeated)
    elif code is op.ATOMIC_GROUP:
        yield from _atoms(value, repeated=repeated)
    elif code is op.BRANCH:
        if repeated:
            raise _Slow("there are alternatives in a repeat; expected a set such as [ab], or none repeated")
        yield from _branch([list(_atoms(branch)) for branch in value[1]])
    elif code in (op.ASSERT, op.ASSERT_NOT):
        # It takes nothing, and is tried anew wherever it stands.
        yield from (_Atom(ALL, True, True) for atom in _atoms(value[1], repeated=repeated) if atom.loose)
    elif code in (op.GROUPREF, op.GROUPREF_EXISTS):
        raise _Slow("it refers back to a group; write out what is meant")
    elif code is not op.AT:
        yield _Atom(_characters(code, value))


def _branch(branches: list[list[_Atom]]) -> Iterator[_Atom]:
    begun: set[int] = set()
    for branch in branches:
        first = _follows(branch)[0]
        if begun & first or all(atom.optional or atom.skip for atom in branch):
            yield _Atom(ALL, True, True)  # more than one may be right
            break
        begun |= first
    for branch in branches:
        # Another one may be taken instead: none of its characters must come.
        yield from (_Atom(atom.takes, True, atom.loose) for atom in branch)


def _repeat(least: int, most: int, parsed: Any, repeated: bool) -> Iterator[_Atom]:
    if least == most:
        if repeated and most > 1 and any(atom.loose for atom in _atoms(parsed, repeated=True)):
            raise _Slow("a repeat is in a repeat")
        once = list(_atoms(parsed, repeated=repeated))
        if len(once) * most > MOST_ATOMS:
            raise _Slow(f"it repeats too much, more than {MOST_ATOMS} times")
        yield from once * most
        return
    if repeated:
        raise _Slow("a repeat is in a repeat; expected one within {a fixed number} at most")
    if most == 1:
        once = list(_atoms(parsed, repeated=repeated))
        if once:
            yield replace(once[0], skip=max(len(once), once[0].skip))
            yield from once[1:]
        return
    takes: frozenset[int] = frozenset().union(*(atom.takes for atom in _atoms(parsed, repeated=True)))
    yield _Atom(takes, least == 0, True)


def _characters(code: Any, value: Any) -> frozenset[int]:
    """Tell which characters one atom takes, at least those: upper and lower case are one here."""
    if code is op.LITERAL:
        return frozenset(min(ord(each), OTHERS) for c in (chr(value),) for each in c.lower() + c.upper())
    if code is op.NOT_LITERAL:
        return ALL - ({value} if value < OTHERS else set())
    if code is op.RANGE:
        low, high = value
        found: frozenset[int] = frozenset().union(
            *(_characters(op.LITERAL, c) for c in range(low, min(high, OTHERS - 1) + 1))
        )
        return found | {OTHERS} if high >= OTHERS else found
    if code is op.IN:
        negated = value[0][0] is op.NEGATE
        sets = [_characters(*item) for item in value if item[0] is not op.NEGATE]
        takes = frozenset().union(*sets)
        return (ALL - (_surely(value) - {OTHERS})) if negated else takes
    if code is op.CATEGORY:
        if value in NEGATED:
            return (ALL - _characters(op.CATEGORY, NEGATED[value])) | {OTHERS}
        return frozenset(c for c in range(OTHERS) if CATEGORIES[value](chr(c))) | {OTHERS}
    return ALL  # a dot, and whatever another Python may have


def _surely(items: Any) -> frozenset[int]:
    """Tell which characters a set has in any case, of one that is negated."""
    found: set[int] = set()
    for code, value in items:
        if code is op.LITERAL and value < OTHERS:
            found.add(value)
        elif code is op.RANGE:
            found.update(range(value[0], min(value[1], OTHERS - 1) + 1))
        elif code is op.CATEGORY:
            found.update(_characters(code, value))
    return frozenset(found)
