"""A part of the stack, and the first way that leads to it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .errors import NotFound, Unavailable

SECONDS = 30  # for a program to tell its version


@dataclass(frozen=True)
class Part:
    """A program that was found: where it is, its version, which way it came, and why the ways before that failed."""

    name: str
    path: Path
    version: str
    way: str
    failed: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.name} {self.version}: {self.way} ({self.path})"

    def why(self) -> str:
        """Tell, in one line, why the ways before failed; empty where the first one led here."""
        return "; ".join(f"{way}: {reason}" for way, reason in self.failed)


def first_way(name: str, ways: Iterable[tuple[str, Callable[[], tuple[Path, str]]]], advice: str) -> Part:
    """Try the ways (what it is called, a function that gives path and version) in order. Raises NotFound."""
    failed = []
    for way, get in ways:
        try:
            path, version = get()
        except Unavailable as error:
            failed.append((way, str(error)))
        else:
            return Part(name, path, version, way, failed)
    raise NotFound(name, failed, advice)


def output(program: Path, question: str) -> str:
    """Ask a program for what it prints and ends with, such as its version. Raises Unavailable where it gives no answer."""
    try:
        return subprocess.run([program, question], capture_output=True, text=True, timeout=SECONDS).stdout
    except OSError as error:
        reason = error.strerror
    except UnicodeDecodeError:
        reason = "its answer is no text"
    except subprocess.TimeoutExpired:
        reason = f"no answer to `{program.name} {question}` in {SECONDS} s"
    raise Unavailable(f"{program} does not run: {reason}")
