"""Writes a text that a pattern fits, for a simulator of what speaks so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from re import _constants as op  # type: ignore[attr-defined]  # the engine's own reading of a pattern
from re import _parser  # type: ignore[attr-defined]
from typing import Any

CATEGORIES = {op.CATEGORY_DIGIT: "0", op.CATEGORY_SPACE: " ", op.CATEGORY_WORD: "a"}
ANYTHING = "x"  # for what may be any character, or any but some


def sample(pattern: str) -> str:
    """Write a text for a pattern: of each choice the first, of each repeat as few as may be, and one where it may be one.

    It may not fit where the pattern looks ahead or behind; whoever uses it has to see.
    """
    return _all(_parser.parse(pattern))


def _all(items: Iterable[tuple[Any, Any]]) -> str:
    return "".join(WRITTEN.get(code, _nothing)(value) for code, value in items)


def _nothing(_: Any) -> str:
    return ""


def _chosen(items: list[tuple[Any, Any]]) -> str:
    """Choose from a set: a digit where there may be one."""
    code, value = next((item for item in items if item == (op.CATEGORY, op.CATEGORY_DIGIT)), items[0])
    if code is op.RANGE:
        return chr(value[0])
    return ANYTHING if code is op.NEGATE else _all([(code, value)])


def _repeated(value: tuple[int, Any, Any]) -> str:
    least, most, items = value
    return _all(items) * (least if least or most == 1 else 1)


WRITTEN: dict[Any, Callable[[Any], str]] = {
    op.LITERAL: chr,
    op.NOT_LITERAL: lambda _: ANYTHING,
    op.ANY: lambda _: ANYTHING,
    op.IN: _chosen,
    op.CATEGORY: lambda value: CATEGORIES.get(value, ANYTHING),
    op.BRANCH: lambda value: _all(value[1][0]),
    op.SUBPATTERN: lambda value: _all(value[-1]),
    op.MAX_REPEAT: _repeated,
    op.MIN_REPEAT: _repeated,
}
