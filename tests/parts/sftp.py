"""An SFTP server, or one that runs commands: Debian's OpenSSH, on the loopback, for one key, as a user without rights."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path

from labline.stack import debian, ports

from . import debian_program

USER = "nobody"  # as root, sshd would want a user of its own
SFTP = "internal-sftp"
# Nobody has no shell: his sshd alone sees another list of users.
WITH_SHELL = (
    'mount --bind "$1" /etc/passwd && shift && exec setpriv --reuid "$1" --regid "$2" --clear-groups -- "${@:3}"'
)


class SftpServer:
    """Listens on ``port``; ``key`` may log in as ``user`` and write below ``folder``; ``known_hosts`` has its key.

    ``folder`` is below one that everybody may pass through. ``forced``: what it does whatever it is asked, as a line for a shell.
    """

    def __init__(self, folder: Path, forced: str = SFTP):
        (self.port,) = ports.free(1)
        self.folder = folder / "gallery"
        root = os.geteuid() == 0
        self.user = USER if root else pwd.getpwuid(os.geteuid()).pw_name
        folder.mkdir()
        self.folder.mkdir()
        self._folder = folder
        programs, environment = debian_program.found("openssh-server", ("libwrap0",))
        for place in filter(None, environment.get("LD_LIBRARY_PATH", "").split(":")):  # the cache may be root's alone
            shutil.copytree(place, folder / "lib", symlinks=True, dirs_exist_ok=True)
        sshd = shutil.copy(programs / "usr" / "sbin" / "sshd", folder)
        keygen = shutil.which("ssh-keygen") or str(debian.unpack("openssh-client") / "usr" / "bin" / "ssh-keygen")
        self.key, host = folder / "key", folder / "host"
        for file in (self.key, host):
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", file], check=True, stdin=subprocess.DEVNULL)
        public = host.with_suffix(".pub").read_text().split()
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {public[0]} {public[1]}\n")
        (folder / "authorized").write_text(self.key.with_suffix(".pub").read_text())
        (folder / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {host}\nAuthorizedKeysFile {folder}/authorized\nPidFile none\n"
            f"StrictModes no\nUsePAM yes\nPasswordAuthentication no\nSubsystem sftp {SFTP}\nForceCommand {forced}\n"
        )
        identity: dict[str, object] = {}
        command = [sshd, "-D", "-e", "-f", folder / "sshd_config"]
        if root:
            nobody = pwd.getpwnam(USER)
            for path in (folder, self.folder, host, folder / "authorized", folder / "sshd_config"):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
            if forced == SFTP:
                identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            else:
                users = folder / "passwd"
                users.write_text(f"{USER}:x:{nobody.pw_uid}:{nobody.pw_gid}::{folder}:/bin/bash\n")
                command = [
                    *("unshare", "--mount", "bash", "-c", WITH_SHELL, "bash", users),
                    *(str(nobody.pw_uid), str(nobody.pw_gid), *command),
                ]
        with (folder / "sshd.log").open("w") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "LD_LIBRARY_PATH": str(folder / "lib")},
                **identity,
            )
        deadline = time.monotonic() + 30
        while not _listens(self.port):
            assert self._process.poll() is None and time.monotonic() < deadline, (folder / "sshd.log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)

    @property
    def url(self) -> str:
        """Where it is, as a stanza says it."""
        return f"sftp://{self.user}@127.0.0.1:{self.port}{self.folder}"


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
