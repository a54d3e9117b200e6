"""Lets nobody read a lab's instruments twice: for two folders, from two clones, or as two users."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from provisioning import ownership
from provisioning.site import Site, parse
from telegraf_inputs.errors import BadInput

from . import known_labs
from .known_labs import KnownLab
from .local.site_file import COPY
from .places import SIMULATED
from .stack import runlock
from .stack.errors import AlreadyRunning
from .stack.filehold import FileHold, holder


class Alone:
    """Holds a site file for the one run that reads its instruments: another user has the lab's folder elsewhere.

    What is simulated whole is held by nobody.
    """

    def __init__(self, site: Site):
        """Raises AlreadyRunning where another user runs it."""
        self._hold = FileHold()
        file = Path(site.file)
        if _reads(site) and not self._hold.take(file) and (who := holder(file)) and who[1] != os.geteuid():
            raise _held(file)

    def check(self, root: Path, site: Site) -> None:
        """Look at this user's other runs, and hold the site file as it is by now. Raises AlreadyRunning, with who reads what.

        ``root``: the folder of this lab.
        """
        if not _reads(site):
            return
        file = Path(site.file)
        for other in known_labs.elsewhere(root, file):
            runlock.RunLock(other).close()
        own = dict(_read(site))
        for lab in known_labs.all_of():
            who = None
            with contextlib.suppress(OSError):  # a folder that is gone, or another user's by now
                who = runlock.holder(lab.root)
            if lab.root == root or not who:
                continue
            for place, name in _read_by(lab):
                if place in own:
                    raise AlreadyRunning(
                        f"{own[place]} ({place}) is read already, as {name} of {lab.file}: process {who['pid']}, since "
                        f"{who['since']}.\nIt serves one reader: end that run, or write `enabled: false` beside it in one of the files.",
                        who,
                    )
        if not self._hold.take(file):
            raise _held(file)

    def close(self) -> None:
        """Let others run it."""
        self._hold.close()


def _reads(site: Site) -> bool:
    return not all(instrument.stanza.simulated for instrument in site.enabled)


def _read(site: Site) -> Iterator[tuple[str, str]]:
    """Give what serves one reader only (a port, a sensor), and the instrument that has it."""
    for instrument in site.enabled:
        for _, place, _ in instrument.occupies():
            yield place, instrument.name


def _read_by(lab: KnownLab) -> Iterator[tuple[str, str]]:
    if lab.root.name.endswith(SIMULATED):
        return
    try:
        site = parse((lab.root / COPY).read_text(encoding="utf-8-sig"), str(lab.file))
    except (OSError, BadInput):  # it begins just now, or is of another version of labline
        return
    yield from _read(site)


def _held(file: Path) -> AlreadyRunning:
    pid, uid = holder(file) or (None, None)
    who = "" if uid is None else f": process {pid} of {ownership.user(uid)}"
    return AlreadyRunning(
        f"{file} is run already{who}.\nIts instruments serve one reader: look there, or end that run first.", {}
    )
