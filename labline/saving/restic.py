"""A repository of restic's: encrypted, on a disk, over SFTP, or over SMB by rclone."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..stack.errors import StackError

TAG = "labline"
SITE = "site:"  # begins the tag that says whose a backup is
LATEST = "latest"
NEW = "made"  # what is said of a repository that there was not before
ANOTHER_PASSWORD = "wrong password or no key found"
NONE_THERE = ("Is there a repository at the following location?", "unable to open config file")


@dataclass(frozen=True)
class Repository:
    """The one at ``place``, as restic names places; ``mount``: a folder that a disk or a share must be mounted at.

    ``ssh_key`` and ``known_hosts`` (files): for one over SFTP, where ssh does not find them itself.
    """

    place: str
    password_file: Path
    cache: Path | None = None
    mount: Path | None = None
    ssh_key: Path | None = None
    known_hosts: Path | None = None

    def made(self, former: Path | None = None) -> str:
        """Make it, unless there is one; gives what was done. Raises StackError where it can't be reached.

        ``former``: a file with passwords, one a line, that it may have had before: then it is given that of ``password_file``.
        """
        self.reach()
        done = self._restic("cat", "config")
        if done.returncode == 0:
            return "is there"
        if any(words in done.stderr for words in NONE_THERE):
            self._run("init")
            return NEW
        if ANOTHER_PASSWORD in done.stderr:
            for word in former.read_text().splitlines() if former else ():
                if self._renewed(word):
                    return "has its new password"
        raise self._failed("cat", done)

    def _renewed(self, word: str) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "former")
            file.touch(0o600)
            file.write_text(word)
            new = self.password_file
            done = dataclasses.replace(self, password_file=file)._restic("key", "passwd", "--new-password-file", new)
        if done.returncode and ANOTHER_PASSWORD not in done.stderr:
            raise self._failed("key passwd", done)
        return done.returncode == 0

    def reach(self) -> None:
        """Look whether its disk is there: else a folder of the same name would fill this machine's own. Raises StackError."""
        if self.mount and not self.mount.is_mount():
            raise StackError(
                f"nothing is mounted at {self.mount}: is the disk, or the share, there? Nothing was written"
            )

    def save(self, folder: Path, host: str, site: str) -> str:
        """Add what is in ``folder`` as a site's, and look whether all is whole; gives the snapshot's name. Raises StackError."""
        self.reach()
        said = self._run("backup", "--json", "--tag", _tags(site), "--host", host, ".", cwd=folder)
        self._run("check")
        return str(_summary(said)["snapshot_id"])

    def forget(self, keep: dict[str, int], site: str) -> None:
        """Leave ``keep`` backups of a site: so many daily, weekly, monthly ones. Raises StackError."""
        self.reach()
        many = [f"--keep-{which}={count}" for which, count in keep.items()]
        self._run("forget", "--tag", _tags(site), "--group-by", "host", *many, "--prune")

    def bring(self, snapshot: str, folder: Path, site: str) -> None:
        """Write what a snapshot has into ``folder``; LATEST is the newest one of the site. Raises StackError."""
        self.reach()
        self._run("restore", self._newest(site) if snapshot == LATEST else snapshot, "--target", folder)

    def _newest(self, site: str) -> str:
        """Name the newest backup of a site; where it has none, the newest that does not say whose it is. Raises StackError."""
        listed = json.loads(self._run("snapshots", "--json", "--tag", TAG)) or []
        found: dict[str, str] = {}
        for each in sorted(listed, key=lambda each: datetime.fromisoformat(each["time"])):
            whose = [tag.removeprefix(SITE) for tag in each["tags"] if tag.startswith(SITE)]
            found[whose[0] if whose else ""] = each["id"]
        if name := found.get(site) or found.get(""):
            return name
        others = f", only of {', '.join(sorted(found))}" if found else ""
        raise StackError(f"{self.place} has no backup of site {site}{others}")

    def _run(self, *words: str | Path, cwd: Path | None = None) -> str:
        done = self._restic(*words, cwd=cwd)
        if done.returncode:
            raise self._failed(str(words[0]), done)
        return done.stdout

    def _restic(self, *words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        program = shutil.which("restic")
        if not program:
            raise StackError("there is no restic here; on Debian: apt install restic")
        # restic hands on what ssh and rclone say, but not what it has not read yet when it ends: they say it to a file.
        with tempfile.NamedTemporaryFile("r", prefix="labline-restic-", errors="replace") as log:
            # What it does not know by a variable goes to ssh and rclone: where their keys are.
            environment = {
                **os.environ,
                "RESTIC_REPOSITORY": self.place,
                "RESTIC_PASSWORD_FILE": str(self.password_file),
                "RCLONE_LOG_FILE": log.name,
            } | ({"RESTIC_CACHE_DIR": str(self.cache)} if self.cache else {})
            command = [program, *([] if self.cache else ["--no-cache"]), *self._ssh(log.name), *map(str, words)]
            done = subprocess.run(
                command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
            said = [line for line in log.read().splitlines() if line.strip()]
        done.stderr = "".join(f"subprocess: {line}\n" for line in said[-3:]) + done.stderr
        return done

    def _ssh(self, log: str) -> list[str]:
        if not self.place.startswith("sftp:"):
            return []
        if self.place.startswith("sftp://"):
            parts = urlsplit(self.place)
            host, port = f"{parts.username}@{parts.hostname}" if parts.username else str(parts.hostname), parts.port
        else:
            host, port = self.place.removeprefix("sftp:").partition(":")[0], None
        command = ["ssh", "-E", log]
        options = ["ServerAliveInterval=30"]
        if self.ssh_key and self.known_hosts:
            command += ["-i", str(self.ssh_key), "-o", f"UserKnownHostsFile={self.known_hosts}"]
            options += ["BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes"]
        for option in options:
            command += ["-o", option]
        command += [*(["-p", str(port)] if port else []), host, "-s", "sftp"]
        return ["-o", f"sftp.command={shlex.join(command)}"]

    def _failed(self, what: str, done: subprocess.CompletedProcess[str]) -> StackError:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit status {done.returncode}"]
        # What ssh and rclone say stands before what restic makes of it.
        fatal = [line for line in lines if line.startswith(("Fatal", "subprocess"))] or lines[-3:]
        if any("already locked" in line for line in lines):
            fatal.append("another backup runs, or one was broken off: restic unlock removes what that left")
        return StackError(f"restic {what}, {self.place}: {'; '.join(fatal)}")


def _tags(site: str) -> str:
    return f"{TAG},{SITE}{site}"


def _summary(said: str) -> dict[str, Any]:
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return next(line for line in reversed(lines) if line.get("message_type") == "summary")
