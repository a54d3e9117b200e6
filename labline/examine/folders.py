"""The folders into which instruments write, such as a camera's pictures: whether that can be done, and fits in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .finding import Examined, Finding


def findings(lab: Examined) -> Iterator[Finding]:
    """Look at the folders of the instruments that this machine reads."""
    if not lab.here and len(lab.site.nodes) > 1:
        return  # labline doctor, there, tells of them
    for instrument in lab.site.enabled:
        for folder in instrument.stanza.driver.folders(instrument.stanza):
            yield Finding(instrument.name, *_writable(Path(folder)))


def _writable(folder: Path) -> tuple[str, str]:
    """Say whether a folder, or the one that it will be made in, can be written to, and what to do where not."""
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not there.is_dir():
        return f"can't write into {folder}: {there} is no folder", "name another one, or move that file away"
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        return f"can't write into {folder}: its disk is read-only", "dmesg tells why; was it meant to be mounted so?"
    if not os.access(there, os.W_OK | os.X_OK):
        cure = f"give it to whoever runs Telegraf: sudo install -d -o USER {folder}"
        if there != folder:
            return f"there is no {folder}, and this user can't make it in {there}", cure
        return f"this user can't write into {folder}", cure
    return f"{folder} can be written to{'' if there == folder else ', once it is made'}", ""
