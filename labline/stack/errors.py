"""What can go wrong with a part of the stack, worded for the person who started it."""

from __future__ import annotations

from typing import Any


class StackError(Exception):
    """A part can't be had, started or stopped: what, why, and what to do."""


class Unavailable(StackError):
    """One way to get a part does not work here; the next one is tried."""


class NotFound(StackError):
    """No way led to a part: lists what was tried and why it failed, and what the user can do."""

    def __init__(self, name: str, tried: list[tuple[str, str]], advice: str):
        lines = [f"{name} can't be had here. Tried:", *(f"  - {way}: {why}" for way, why in tried), advice]
        super().__init__("\n".join(lines))
        self.name, self.tried, self.advice = name, tried, advice


class StartFailed(StackError):
    """A part ended, or did not answer in time, when it was started; shows the end of its log."""


class WrongPassword(StartFailed):
    """A part runs on data that were made with another password."""


class AlreadyRunning(StackError):
    """Another `labline run` holds this site; ``info`` is what it wrote about itself (pid, since, URLs)."""

    def __init__(self, message: str, info: dict[str, Any]):
        super().__init__(message)
        self.info = info
