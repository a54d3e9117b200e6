"""This machine: its clock, the disk that the lab writes to, and how worn that is where it tells."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from telegraf_inputs import clock

from .finding import Examined, Finding

LOW = 0.1  # of the disk, or so many bytes: InfluxDB needs room to compact
LEAST = 2e9
BLOCKS = Path("/sys/dev/block")
# JESD84-B51, DEVICE_LIFE_TIME_EST_TYP_A and _B: 0x01 is up to 10 % used, … 0x0b more than was meant.
WORN, NOT_TOLD = 9, 0


def findings(lab: Examined) -> Iterator[Finding]:
    """Look at the clock and the disk."""
    yield _clock(lab)
    yield from _disk(lab.places.root)


def _clock(lab: Examined) -> Finding:
    if os.environ.get(clock.VARIABLE) == "unchecked" or all(node.clock == "unchecked" for node in lab.site.nodes):
        return Finding("clock", "is not checked: clock: unchecked")
    doubt = clock.Clock().doubt
    if not doubt:
        return Finding("clock", "follows a better one, says the kernel")
    if doubt == "unknown":
        return Finding(
            "clock",
            "can't be asked after: the kernel refuses",
            "a sandbox bars adjtimex? Or clock: unchecked, where it is kept otherwise",
        )
    return Finding("clock", "follows no other clock", "timedatectl tells why; docs/clock.md says how it is set up")


def _disk(root: Path) -> Iterator[Finding]:
    folder = next(path for path in (root, *root.parents) if path.exists())
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        yield Finding(
            "disk", f"{folder} can't be written to: its disk is read-only", "dmesg tells why; a worn SD card?"
        )
    elif not os.access(folder, os.W_OK):
        yield Finding("disk", f"{folder} is not yours to write to", "choose another folder with --state")
    usage = shutil.disk_usage(folder)
    said = f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.0f} GB are free where {folder} is"
    short = usage.free < min(LEAST, LOW * usage.total)
    yield Finding("disk", said, "free some space: InfluxDB stops on a full disk" if short else "")
    yield from wear(BLOCKS, os.stat(folder).st_dev)


def wear(blocks: Path, device: int) -> Iterator[Finding]:
    """Tell how worn a card or chip is, where it says so (eMMC; SD cards and disks keep it to themselves)."""
    here = (blocks / f"{os.major(device)}:{os.minor(device)}").resolve()
    for folder in (here, here.parent):
        try:
            told = [int(word, 16) for word in (folder / "device" / "life_time").read_text().split()]
        except (OSError, ValueError):
            continue
        used = max(told, default=NOT_TOLD)
        if used != NOT_TOLD:
            said = f"up to {min(used, 10) * 10} % of its life are used, says the disk"
            yield Finding("disk", said, "copy it, and exchange it" if used >= WORN else "")
            return
