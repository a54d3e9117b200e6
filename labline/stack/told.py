"""How commands and paths are told to people: so that they can be typed where they stand."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import textwrap
from pathlib import Path

NAME = "labline"
WIDTH = 80  # columns


def command() -> str:
    """Name the command as it was called: by its bare name where PATH leads to it, else by its path."""
    called = Path(sys.argv[0])
    if called.name != NAME:  # python -m labline.cli
        return NAME
    found = shutil.which(NAME)
    if found and os.path.realpath(found) == os.path.realpath(called):
        return NAME
    return shlex.quote(path(called))


def path(path: Path) -> str:
    """Write a path relative to where the user is, if it lies below; a service is at /, and nobody else."""
    try:
        here = Path.cwd()
        return str(path.absolute() if here == here.parent else path.absolute().relative_to(here))
    except (ValueError, OSError):  # elsewhere; or where the user is was deleted
        return str(path)


def wrapped(text: str, indent: str = "") -> str:
    """Break a text into lines of 80 columns; what can be copied, such as a path, stays whole."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
