"""A service of this machine, under systemd."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator

from .errors import StackError

LONGEST = 180  # seconds: a Telegraf may have much to write


@contextlib.contextmanager
def stopped(name: str) -> Iterator[None]:
    """Stop a service, and start it again, whatever comes of the block. Raises StackError; then it is as it was."""
    _systemctl("is-active", name)
    _systemctl("stop", name)
    try:
        yield
    finally:
        _systemctl("start", name)


def _systemctl(verb: str, name: str) -> None:
    try:
        done = subprocess.run(["systemctl", verb, name], capture_output=True, text=True, timeout=LONGEST)
    except FileNotFoundError:
        raise StackError("there is no systemctl here: stop and start Telegraf yourself, or run labline here") from None
    except subprocess.TimeoutExpired:
        raise StackError(f"systemctl {verb} {name} did not end within {LONGEST} s") from None
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}"
        raise StackError(f"systemctl {verb} {name}: {said}{'' if verb == 'start' else '; nothing was changed'}")
