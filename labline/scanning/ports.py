"""Lines that an instrument may be asked on: those that the transports list, and those that are named by hand."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from telegraf_inputs import transports
from telegraf_inputs.errors import Disconnected
from telegraf_inputs.transport import Place, Transport
from telegraf_inputs.url import Url

from ..words import counted
from . import probes
from .finding import FoundPlace

LOCKS = Path("/var/lock")
CONSOLES = Path("/sys/class/tty/console/active")
FORBIDDEN = "Serial ports belong to a group. To be let in: sudo usermod -aG dialout $USER, then log in again"
MEMORY = 1  # the major number of /dev/null and its like


def listed(transport: Transport, probe: bool) -> Iterator[FoundPlace | str]:
    """List what this machine has of a transport, and ask who is there."""
    if not transport.found:
        return
    told = list(transport.find())
    places = [place for place in told if isinstance(place, Place)]
    asking = " (asking each takes some seconds)" if places and probe else ""
    yield f"{counted(transport.found, len(places))}{asking}"
    yield from (advice for advice in told if isinstance(advice, str))
    for place in places:
        if not probe:
            yield FoundPlace(place.url, place.about or "not asked (--no-probe)")
            continue
        for finding in _asked(place.url):
            if isinstance(finding, FoundPlace) and place.about:
                finding.notes.insert(0, place.about)
            yield finding


def named(urls: Iterable[str], probe: bool) -> Iterator[FoundPlace | str]:
    """Ask who is on lines that a person named."""
    for text in urls:
        url = probes.listed(text)
        if probe:
            yield from _asked(url)
        else:
            yield FoundPlace(url, "not asked (--no-probe)")


def _asked(url: str) -> Iterator[FoundPlace | str]:
    """Ask on a line, unless that would disturb somebody."""
    place = transports.of(Url(url)).place(Url(url))
    if place.startswith("/") and (reason := taken(place)):
        yield FoundPlace(url, f"left alone: {reason}")
        return
    try:
        yield from probes.probe(url)
    except Disconnected as error:
        told = str(error).removeprefix(f"{url}: ")
        hint = "; another program has it" if "lock" in told or "busy" in told else ""
        yield FoundPlace(url, f"can't be opened: {told}{hint}")
        if "ermission denied" in told:
            yield FORBIDDEN


def taken(path: str) -> str:
    """Say what keeps from asking a port: what it is, or who uses it; "" where nothing does, as far as one may see."""
    with contextlib.suppress(OSError):  # that it is not there is told by whoever opens it
        found = os.stat(path)
        if not stat.S_ISCHR(found.st_mode) or os.major(found.st_rdev) == MEMORY:
            return "it is no serial port"
    consoles = CONSOLES.read_text().split() if CONSOLES.exists() else []
    if os.path.basename(path) in consoles:
        return "it is the system's console"
    lock = LOCKS / f"LCK..{os.path.basename(path)}"
    if lock.exists():
        return f"{lock} says that a program uses it"
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid() and _has_open(process, path):
            return f"process {process.name} ({_name(process)}) has it open"
    return ""


def _has_open(process: Path, path: str) -> bool:
    try:
        return any(os.path.realpath(fd) == path for fd in (process / "fd").iterdir())
    except OSError:  # somebody else's, or gone
        return False


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "?"
