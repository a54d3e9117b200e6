"""`labline run` and `labline status` on a terminal: the live table, and Ctrl-C as the keyboard sends it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|[()][A-B0-2]|[=>])")
LONGEST = 120  # seconds; only a hang takes so long


class Terminal:
    """A program on a pseudo-terminal of 80 × 24, which is its controlling one."""

    def __init__(self, folder: Path, *arguments: str):
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        surroundings = {**os.environ, "TERM": "xterm-256color", "LABLINE_GRAFANA_URL": "http://127.0.0.1:9"}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            surroundings.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "labline.cli", *arguments],
            cwd=folder,
            env=surroundings,
            preexec_fn=lambda: os.login_tty(slave),
        )
        os.close(slave)
        self.raw = ""

    @property
    def text(self) -> str:
        return ESCAPES.sub("", self.raw)

    def wait_for(self, pattern: str) -> None:
        """Read until what came matches, or the program has ended."""
        deadline = time.monotonic() + LONGEST
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, f"{pattern!r} never came:\n{self.text[-4000:]}"
            if select.select([self._master], [], [], 1)[0]:
                try:
                    self.raw += os.read(self._master, 65536).decode(errors="replace")
                except OSError:  # the last one on the terminal has gone
                    break
        assert re.search(pattern, self.text), self.text[-4000:]

    def press_ctrl_c(self) -> None:
        os.write(self._master, b"\x03")

    def end(self) -> int:
        status = self.process.wait(LONGEST)
        os.close(self._master)
        return status


def test_the_live_table_until_ctrl_c(tmp_path, telegraf_path):
    run = Terminal(tmp_path, "run", "demo")
    status = None
    try:
        run.wait_for(r"\d+ instruments: \d+ ok")
        assert "\x1b[1mcryostat" in run.raw, "it has colours and bold"
        status = Terminal(tmp_path, "status")
        status.wait_for(r"Ctrl-C ends this; the lab runs on\.")
        status.press_ctrl_c()
        assert status.end() == 0 and run.process.poll() is None
        table = run.text[run.text.index("Demo lab  ") :]
        assert all(len(line.rstrip("\r")) <= 80 for line in table.splitlines())
        seen = len(run.raw)
        run.wait_for(rf"(?s)\A.{{{seen}}}.*Ctrl-C ends the run\.")  # drawn again
        run.press_ctrl_c()
        run.wait_for(r"Nothing was lost\.")
        run.end()
        assert "stopping: what was read is being written" in run.text and "Traceback" not in run.text
    finally:
        for terminal in filter(None, (run, status)):
            terminal.process.kill()
