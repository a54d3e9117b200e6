"""A file server in the network of a computer under emulation: Debian's Samba, a folder of which is mounted there by the kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from .debian_kernel import HERE, Computer

USER, PASSWORD = "root", "canary-share"
SETTINGS = f"""\
[global]
server role = standalone server
server min protocol = SMB3
server smb encrypt = required
interfaces = {HERE}
bind interfaces only = yes
smb ports = 445
passdb backend = tdbsam:/mnt/smb/passdb.tdb
log file = /mnt/smb/log
load printers = no
disable spoolss = yes
map to guest = never
rpc start on demand helpers = no
%s
[lab]
path = /mnt/smb/lab
valid users = {USER}
read only = no
"""
FOLDERS = ("private dir", "state directory", "cache directory", "lock directory", "pid directory", "ncalrpc dir")
# The kernel gives a server up that is silent for three of these intervals; its default is a minute.
MOUNT = "vers=3.1.1,seal,credentials=/etc/labline/lab,echo_interval=10,file_mode=0644,dir_mode=0755"


class Share:
    """A folder of this machine, ``folder``, that a server serves to a computer."""

    def __init__(self, computer: Computer):
        self._computer, self.folder = computer, computer.folder / "smb/lab"
        lines = []
        for name in FOLDERS:
            place = f"smb/{name.replace(' ', '-')}"
            (computer.folder / place).mkdir(parents=True, exist_ok=True)
            lines.append(f"{name} = /mnt/{place}")
        self.folder.mkdir(exist_ok=True)
        (computer.folder / "smb/smb.conf").write_text(SETTINGS % "\n".join(lines))
        password = f"{PASSWORD}\n{PASSWORD}\n"
        computer.there("smbpasswd", "-c", "/mnt/smb/smb.conf", "-a", "-s", USER, feed=password)
        self._server = self._started()

    def start(self) -> None:
        """Start the server. Returns when it listens."""
        self._server = self._started()

    def stop(self) -> None:
        """End the server, and each connection to it."""
        processes = self._processes()
        for process in processes:
            process.terminate()
            process.resume()  # one that was stopped would not hear of it
        self._server.wait()
        psutil.wait_procs(processes)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server, and to each of its processes that serves a connection."""
        for process in self._processes():
            os.kill(process.pid, number)

    def _started(self) -> subprocess.Popen[bytes]:
        started = self._computer.beside("smbd", "-F", "--no-process-group", "-s", "/mnt/smb/smb.conf")
        self._computer.eventually(lambda: self._computer.there("ss", "-Hltn", f"src {HERE}:445"), "the file server")
        return started

    def _processes(self) -> list[psutil.Process]:
        server = psutil.Process(self._server.pid)
        return [server, *server.children(recursive=True)]


class Recorder:
    """Another program, which writes a log file; ``values`` are what it has written."""

    def __init__(self, file: Path):
        self._file = file
        self.values: list[float] = []

    def write(self, count: int) -> None:
        """Write lines, each with a time and a value of its own."""
        with self._file.open("a") as file:
            for _ in range(count):
                self.values.append(float(len(self.values)))
                now = time.time_ns()
                second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 10**9))
                file.write(f"{second}.{now % 10**9 // 1000:06d},{self.values[-1]}\n")


@contextmanager
def share(computer: Computer, place: str) -> Iterator[Share]:
    """Serve a folder, new and empty, and mount it in a computer at ``place``."""
    made = Share(computer)
    computer.write("/etc/labline/lab", f"username={USER}\npassword={PASSWORD}\n")
    computer.run("mkdir", "-p", place)
    computer.run("mount", "-t", "cifs", f"//{HERE}/lab", place, "-o", MOUNT)
    try:
        yield made
    finally:
        computer.run("umount", "--lazy", place)
        made.stop()
        for file in made.folder.iterdir():
            file.unlink()
