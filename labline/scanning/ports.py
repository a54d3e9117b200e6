"""Serial ports, and lines that are named by hand."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from telegraf_inputs.errors import Disconnected

from . import probes
from .finding import Finding

LOCKS = Path("/var/lock")
CONSOLES = Path("/sys/class/tty/console/active")
BY_ID = Path("/dev/serial/by-id")
FORBIDDEN = "Serial ports belong to a group. To be let in: sudo usermod -aG dialout $USER, then log in again"
MEMORY = 1  # the major number of /dev/null and its like


def all(probe: bool) -> Iterator[Finding | str]:
    """List the machine's serial ports, and ask who is there."""
    try:
        from serial.tools import list_ports
    except ImportError:
        yield "serial ports were not looked at: pip install 'labline[serial]'"
        return
    ports = sorted(list_ports.comports())
    yield f"serial ports: {len(ports)}{', asking each (some seconds a port)' if ports and probe else ''}"
    for port in ports:
        device = _lasting(port.device)
        about = ", ".join(
            t
            for t in (port.description, port.manufacturer, f"serial number {port.serial_number}")
            if t and "None" not in t
        )
        if not probe:
            yield Finding(f"serial://{device}", about or "no description")
            continue
        for finding in _asked(device):
            if isinstance(finding, Finding) and about and about != "n/a":
                finding.notes.insert(0, about)
            yield finding


def named(urls: Sequence[str], probe: bool) -> Iterator[Finding | str]:
    """Ask who is on lines that a person named."""
    for text in urls:
        url = probes.listed(text)
        if not probe:
            yield Finding(url, "not asked (--no-probe)")
        elif url.startswith("serial://"):
            yield from _asked(url.removeprefix("serial://"))
        else:
            yield from _answered(url)


def _asked(device: str) -> Iterator[Finding | str]:
    """Ask on a serial port, unless that would disturb somebody."""
    path = device.partition("?")[0]
    if reason := _taken(path):
        yield Finding(f"serial://{device}", f"left alone: {reason}")
    else:
        yield from _answered(f"serial://{device}")


def _answered(url: str) -> Iterator[Finding | str]:
    try:
        yield from probes.probe(url)
    except Disconnected as error:
        told = str(error).removeprefix(f"{url}: ")
        hint = "; another program has it" if "lock" in told or "busy" in told else ""
        yield Finding(url, f"can't be opened: {told}{hint}")
        if "ermission denied" in told:
            yield FORBIDDEN


def _taken(path: str) -> str:
    """Say what keeps from asking a port: what it is, or who uses it; "" where nothing does, as far as one may see."""
    real = os.path.realpath(path)
    with contextlib.suppress(OSError):  # that it is not there is told by whoever opens it
        found = os.stat(real)
        if not stat.S_ISCHR(found.st_mode) or os.major(found.st_rdev) == MEMORY:
            return "it is no serial port"
    consoles = CONSOLES.read_text().split() if CONSOLES.exists() else []
    if os.path.basename(real) in consoles:
        return "it is the system's console"
    lock = LOCKS / f"LCK..{os.path.basename(real)}"
    if lock.exists():
        return f"{lock} says that a program uses it"
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid() and _has_open(process, real):
            return f"process {process.name} ({_name(process)}) has it open"
    return ""


def _has_open(process: Path, real: str) -> bool:
    try:
        return any(os.path.realpath(fd) == real for fd in (process / "fd").iterdir())
    except OSError:  # somebody else's, or gone
        return False


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "?"


def _lasting(device: str) -> str:
    """Prefer the name by which a USB port stays the same after unplugging and restarting."""
    if BY_ID.is_dir():
        for link in sorted(BY_ID.iterdir()):
            if os.path.realpath(link) == os.path.realpath(device):
                return str(link)
    return device
