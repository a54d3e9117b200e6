"""How another process asks a run for something, and hears what came of it: by files in the lab's folder."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path

from ..stack.errors import StackError

ASKED, ANSWERED = "asked", "answered"
POLL_SECONDS = 0.1
LONGEST = 120.0  # seconds for an answer: a Telegraf may have to write what it holds


def ask(root: Path, what: str, runs: Callable[[], object]) -> list[str]:
    """Ask the run of this folder, and wait for what it says. Raises StackError where it refuses, or ends meanwhile."""
    question, answer = root / ASKED, root / ANSWERED
    answer.unlink(missing_ok=True)
    new = root / f".{ASKED}"
    new.write_text(what)
    new.replace(question)
    deadline = time.monotonic() + LONGEST
    while not answer.exists():
        if not runs() or time.monotonic() > deadline:
            question.unlink(missing_ok=True)
            raise StackError(f"the run of {root} does not answer: it hangs, or is at its end")
        time.sleep(POLL_SECONDS)
    said = json.loads(answer.read_text())
    answer.unlink()
    if said["error"]:
        raise StackError(said["error"])
    return list(said["lines"])


class Requests:
    """Looks for requests in a lab's folder; ``acts`` says, by what is asked, what to do and tell of it."""

    def __init__(self, root: Path, acts: dict[str, Callable[[], list[str]]]):
        self._root, self._acts = root, acts
        for name in (ASKED, ANSWERED):  # what was asked of a run before
            (root / name).unlink(missing_ok=True)

    def look(self, expected: tuple[type[Exception], ...]) -> None:
        """Do what is asked for; the errors that are ``expected`` are answered."""
        question = self._root / ASKED
        try:
            what = question.read_text()
        except FileNotFoundError:
            return
        lines, error = [], ""
        try:
            if act := self._acts.get(what):
                lines = act()
            else:
                error = f"this run knows no {what!r}; it is of another version of labline"
        except expected as refused:
            error = str(refused)
        new = self._root / f".{ANSWERED}"
        with contextlib.suppress(OSError):  # a full disk: whoever asked hears nothing, and says so
            new.write_text(json.dumps({"lines": lines, "error": error}))
            question.unlink(missing_ok=True)
            new.replace(self._root / ANSWERED)
