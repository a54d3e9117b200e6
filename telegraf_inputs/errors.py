"""The errors of the ground floor: a small tree, worded for the person at the bench."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

LONGEST = 60  # characters of what somebody wrote, in a message


class BadInput(Exception):
    """Tells what is wrong with something a person wrote: where it stands, what was found, what was expected.

    ``path`` names the place inside the document (``instruments[2].interval``); ``file`` and ``line`` are filled in by
    whoever knows them.
    """

    def __init__(self, message: str, path: tuple[Any, ...] = (), file: str | None = None, line: int | None = None):
        super().__init__(message)
        self.message, self.path, self.file, self.line = message, tuple(path), file, line

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        return ": ".join(part for part in (where, dotted(self.path), self.message) if part)


class Mistakes(BadInput):
    """All that is wrong with something, at once: ``errors``. Whoever takes it for one mistake has the first."""

    def __init__(self, errors: list[BadInput]):
        super().__init__(errors[0].message, errors[0].path, errors[0].file, errors[0].line)
        self.errors = errors

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


class InstrumentError(Exception):
    """A reading that could not be had; ``state`` is what the instrument's status then says."""

    state = "failed"


class Disconnected(InstrumentError):
    """The way to the instrument is gone: unplugged, refused, closed by the other side."""

    state = "disconnected"


class NoAnswer(InstrumentError):
    """Nothing, or an unfinished answer, came within the timeout."""

    state = "silent"


class BadAnswer(InstrumentError):
    """An answer came that the manual does not allow for this question."""

    state = "garbled"


class OutOfStep(BadAnswer):
    """The instrument answers an earlier question: nothing it said since the last check can be trusted."""


class WrongDevice(InstrumentError):
    """Something else than the declared instrument answers on this connection."""

    state = "wrong_device"


class Stopped(Exception):
    """The program was asked to stop while it waited for an instrument."""


def dotted(path: tuple[Any, ...]) -> str:
    """Write a path into a document as people do: ``instruments[0].channels.5.limits``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_key(str(part))}" for part in path).lstrip(".")


def _key(text: str) -> str:
    return text if len(text) <= LONGEST and text.isprintable() else shown(text)


def shown(value: object) -> str:
    """Write a value that somebody wrote; of a long one, how it begins."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}…"


def suggestion(word: object, known: Iterable[object]) -> str:
    """Propose what a misspelt word may have meant, or list what there is."""
    names = [str(k) for k in known]
    close = difflib.get_close_matches(str(word), names, 1) if len(str(word)) <= LONGEST else []
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names) or 'none'}"


class noted:  # a function to whoever uses it; a class, because there is one for each key of a file
    """Note in ``errors`` what is found wrong inside, and go on behind it: what is raised, and what is put into the list it gives.

    ``path`` stands before the mistakes' own.
    """

    __slots__ = ("_errors", "_path", "_found")

    def __init__(self, errors: list[BadInput], *path: Any):
        self._errors, self._path = errors, path
        self._found: list[BadInput] = []

    def __enter__(self) -> list[BadInput]:
        return self._found

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> bool:
        if isinstance(error, Mistakes):
            self._found += error.errors
        elif isinstance(error, BadInput):
            self._found.append(error)
        for mistake in self._found:
            mistake.path = (*self._path, *mistake.path)
        self._errors += self._found
        return isinstance(error, BadInput)


class together:
    """Raise at the end, together, all mistakes that were put into the list it gives, and what is raised inside."""

    __slots__ = ("_found",)

    def __enter__(self) -> list[BadInput]:
        self._found: list[BadInput] = []
        return self._found

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if error is None and self._found:
            raise Mistakes(self._found)
        if isinstance(error, BadInput) and self._found:
            raise Mistakes([*self._found, *(error.errors if isinstance(error, Mistakes) else [error])]) from None
