"""Debian's socat with a shell: an instrument on a socket or a pseudo-terminal whose text is the shell's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from labline.stack import ports
from labline.stack.process import Process

from . import debian_program

READY = re.compile(r"listening on|PTY is ")


class Socat:
    """Runs ``script`` (of sh) for each client of a socket, or once on a pseudo-terminal; ``url`` is where it is."""

    def __init__(self, folder: Path, script: str, *, serial: bool = False):
        folder.mkdir()
        (folder / "script.sh").write_text(script)
        program, environment = debian_program.found("socat", ("libwrap0",))
        if serial:
            self.url = f"serial://{folder / 'tty'}"
            way = f"PTY,link={folder / 'tty'},raw,echo=0,wait-slave"
        else:
            (port,) = ports.free(1)
            self.url = f"tcp://127.0.0.1:{port}"
            way = f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr"
        system = f"SYSTEM:sh {shlex.quote(str(folder / 'script.sh'))}"
        command = [program / "usr" / "bin" / "socat", "-d", "-d", way, system]
        self._process = Process("socat", command, folder / "socat.log", environment)
        self._process.wait_ready(lambda: bool(READY.search(self._process.output())), 30)

    def stop(self) -> None:
        """Be gone."""
        self._process.stop(10)
