"""Hosts to put a site on: Debian with a real systemd and sshd, in containers of systemd-nspawn, in a network of their own.

All of it lies in network namespaces: nothing of this machine's network changes, and a host reaches nothing outside.
What it installs comes from `apt_repository`.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

from labline.stack import cache

Found = TypeVar("Found")
# Which Debian is tried, by the name that debootstrap has for it, and the Python in it.
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
SUITE = os.environ.get("LABLINE_HOST_SUITE", "bookworm")
PYTHON = PYTHONS[SUITE]
NEWEST = list(PYTHONS)[-1]
MIRROR = "http://deb.debian.org/debian"
# What a Debian that was just put on a machine has.
BARE = "systemd systemd-sysv dbus python3 python3-apt sudo iproute2 ca-certificates openssh-server netbase kmod gpgv".split()
USER = "pi"
PROGRAMS = ("systemd-nspawn", "debootstrap", "ip", "nsenter", "ssh", "ssh-keygen", "gpg", "dpkg-deb")
PATIENCE = 120.0  # seconds until a host has started, or ended; never reached where all is well
_CGROUPS = [place for place in map(Path, ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified")) if place.is_dir()] or [
    Path("/sys/fs/cgroup")
]


_numbers = itertools.count(1)


class NoHost(Exception):
    """This machine can't boot a host, whatever is to be put on it."""


@contextlib.contextmanager
def needed() -> Iterator[None]:
    """Tell what goes wrong inside, while a host is made, from what is tried on one. Raises NoHost."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise NoHost(f"no host with systemd can be booted here: {error}") from error


def unavailable() -> str:
    """Tell why no host can be had here; empty where one can."""
    if os.geteuid():
        return "hosts with systemd need root"
    missing = [name for name in PROGRAMS if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")]
    if missing:
        return f"hosts with systemd need {', '.join(missing)} (Debian: systemd-container debootstrap iproute2 openssh-client gpg)"
    probe = f"labline-probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode:
        return "no network namespace can be made here"
    _run("ip", "netns", "del", probe)
    return ""


@contextlib.contextmanager
def or_skip() -> Iterator[None]:
    """Skip the tests of a fixture, and say why, where the hosts that are made inside can't be had."""
    if why := unavailable():
        pytest.skip(why)
    try:
        yield
    except NoHost as error:
        pytest.skip(str(error))


def base(packages: tuple[str, ...], suite: str = SUITE) -> Path:
    """Give the folder with a bare Debian in ``root`` and, in ``archives``, ``packages`` and what they need; made once."""
    root = _bare(suite)
    version = hashlib.sha256(repr((root.name, packages)).encode()).hexdigest()[:8]
    kept = f"tests-host-{suite}-{version}"
    with cache.new(kept) as scratch:
        if scratch:
            (scratch / "archives").mkdir()
            with _written(root / "root", scratch) as whole:
                shutil.copy("/etc/resolv.conf", whole / "etc/resolv.conf")
                (whole / "etc/apt/sources.list").write_text(f"deb {MIRROR} {suite} main\n")
                _run("chroot", whole, "apt-get", "-qq", "update")
                install = ["install", "--yes", "--download-only", "--no-install-recommends", *packages]
                _run("chroot", whole, "apt-get", "-qq", *install)
                for file in (whole / "var/cache/apt/archives").glob("*.deb"):
                    shutil.move(file, scratch / "archives")
            (scratch / "root").symlink_to(f"../{root.name}/root")
    return cache.directory() / kept


def _bare(suite: str) -> Path:
    """Give the folder with a bare Debian in ``root``; made once."""
    kept = f"tests-host-{suite}-bare-{hashlib.sha256(repr(BARE).encode()).hexdigest()[:8]}"
    with cache.new(kept) as scratch:
        if scratch:
            root = scratch / "root"
            _run("debootstrap", "--variant=minbase", f"--include={','.join(BARE)}", suite, root, MIRROR)
            _run("chroot", root, "apt-get", "-qq", "clean")
            _run("chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", USER)
            (root / "etc/sudoers.d" / USER).write_text(f"{USER} ALL=(ALL) NOPASSWD: ALL\n")
            (root / "etc/resolv.conf").unlink(missing_ok=True)
            (root / "etc/machine-id").write_text("")
            shutil.rmtree(root / "var/lib/apt/lists")
            (root / "var/lib/apt/lists/partial").mkdir(parents=True)
            for list_ in (root / "etc/apt").glob("sources.list*"):
                shutil.rmtree(list_) if list_.is_dir() else list_.unlink()
    return cache.directory() / kept


@contextlib.contextmanager
def _written(root: Path, scratch: Path) -> Iterator[Path]:
    """Give a view of ``root`` that can be written to; it stays as it is, and what was written is gone afterwards."""
    upper, work, whole = (scratch / name for name in ("upper", "work", "whole"))
    for folder in (upper, work, whole):
        folder.mkdir()
    _run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={root},upperdir={upper},workdir={work}", whole)
    try:
        yield whole
    finally:
        _run("umount", "--lazy", whole)
        for folder in (upper, work):
            shutil.rmtree(folder)
        whole.rmdir()


class Network:
    """A network of its own, which ``enter`` puts a command into: there the hosts are at ``address(number)``."""

    def __init__(self) -> None:
        self.name = f"labline-{os.getpid()}-{next(_numbers)}"
        _run("ip", "netns", "add", self.name)
        for words in ("link set lo up", "link add lab type bridge", f"addr add {self.address(1)}/24 dev lab"):
            _run("ip", "-n", self.name, *words.split())
        _run("ip", "-n", self.name, "link", "set", "lab", "up")

    def enter(self) -> list[str]:
        """Begin a command that is to run in this network."""
        return ["ip", "netns", "exec", self.name]

    @staticmethod
    def address(number: int) -> str:
        return f"10.77.77.{number}"

    def cut(self, number: int) -> None:
        """Pull the cable of a host: nothing gets to it, and nothing from it."""
        _run("ip", "-n", self.name, "link", "set", f"host{number}", "down")

    def mend(self, number: int) -> None:
        """Put the cable of a host back."""
        _run("ip", "-n", self.name, "link", "set", f"host{number}", "up")

    def close(self) -> None:
        _run("ip", "netns", "del", self.name)


class Host:
    """A Debian at ``address``, into which ``USER`` may log in with ``key``; ``run`` runs a command in it as root."""

    def __init__(
        self, network: Network, number: int, root: Path, folder: Path, disks: Mapping[str, Path] | None = None
    ):
        """Boot it on top of ``root``, which stays as it is; what it writes is in ``folder``. Returns when its sshd answers.

        ``disks`` are folders of this machine, by where the host has them.
        """
        self.name, self.address, self.number = f"host{number}", network.address(number), number
        self._network, self._folder = network, folder
        self.key, self.known_hosts = folder / "key", folder / "known_hosts"
        self._netns = f"{network.name}-{number}"
        self._root, self._upper = folder / "root", folder / "upper"
        self._layers = f"lowerdir={root},upperdir={self._upper},workdir={folder}/work"
        self._disks = dict(disks or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._undo = contextlib.ExitStack()
        try:
            self._prepare(number)
            self._undo.callback(self.end)
            self.boot()
        except BaseException:
            self.close()
            raise

    def run(self, *command: str | Path, check: bool = True) -> str:
        """Run a command in the host as root; gives what it prints, its errors included."""
        done = subprocess.run([*self.as_root(), *command], capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def exposure(self, unit: str) -> float:
        """Tell how exposed a unit of systemd's is, from 0 to 10, as systemd-analyze says."""
        said = self.run("systemd-analyze", "security", "--no-pager", unit)
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        assert found, said
        return float(found[1])

    def enter(self) -> list[str]:
        """Begin a command of this machine that is to run in the host's network."""
        return ["ip", "netns", "exec", self._netns]

    def as_root(self) -> list[str]:
        """Begin a command that is to run in the host as root."""
        inside = ["nsenter", "-t", str(self._init), "-m", "-u", "-i", "-p", "-n", "-C"]
        return [*inside, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]

    def path(self, inside: str) -> Path:
        """Name a file of the host as this machine sees it."""
        return Path(f"/proc/{self._init}/root{inside}")

    def reboot(self) -> None:
        """End it in order, and boot it anew."""
        self.end()
        self.boot()

    def end(self) -> None:
        """End it in order; nothing holds its folder then."""
        self._finish(signal.SIGTERM)

    def fall(self) -> None:
        """End it at once, as when the power goes: no program of it does anything any more.

        What they wrote is there all the same, for this machine's kernel goes on.
        """
        self._finish(signal.SIGKILL)

    def boot(self) -> None:
        """Boot it. Returns when its sshd answers."""
        if not self._root.is_mount():
            _run("mount", "-t", "overlay", "overlay", "-o", self._layers, self._root)
        self._boot()

    def close(self) -> None:
        """End it, and leave nothing behind."""
        self._undo.close()

    def _prepare(self, number: int) -> None:
        for folder in (self._root, self._upper, self._folder / "work"):
            folder.mkdir(parents=True)
        self._undo.callback(shutil.rmtree, self._folder / "work", ignore_errors=True)
        self._undo.callback(shutil.rmtree, self._upper, ignore_errors=True)
        _run("mount", "-t", "overlay", "overlay", "-o", self._layers, self._root)
        self._undo.callback(self.end)
        (self._root / "etc/hostname").write_text(f"{self.name}\n")
        (self._root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n")
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        ssh = self._root / "home" / USER / ".ssh"
        ssh.mkdir(mode=0o700, exist_ok=True)
        shutil.copy(self.key.with_suffix(".pub"), ssh / "authorized_keys")
        owner = (self._root / "home" / USER).stat()
        for path in (ssh, ssh / "authorized_keys"):
            os.chown(path, owner.st_uid, owner.st_gid)
        public = (self._root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
        self.known_hosts.write_text(f"{self.address} {public[0]} {public[1]}\n")
        _run("ip", "netns", "add", self._netns)
        self._undo.callback(_run, "ip", "netns", "del", self._netns)
        outer = ["ip", "-n", self._network.name]
        _run(*outer, "link", "add", f"host{number}", "type", "veth", "peer", "name", "host0", "netns", self._netns)
        _run(*outer, "link", "set", f"host{number}", "master", "lab", "up")
        for words in ("link set lo up", f"addr add {self.address}/24 dev host0", "link set host0 up"):
            _run("ip", "-n", self._netns, *words.split())

    def _groups(self) -> list[Path]:
        return [place / self._netns for place in _CGROUPS]

    def _boot(self) -> None:
        groups = self._groups()
        for group in groups:
            group.mkdir(exist_ok=True)
        command = ["systemd-nspawn", "--quiet", f"--directory={self._root}", f"--machine={self._netns}", "--boot"]
        command += ["--keep-unit", "--register=no", "--link-journal=no", "--console=pipe", "--resolv-conf=off"]
        command += [
            "--timezone=off",
            "--capability=CAP_NET_ADMIN",
            f"--network-namespace-path=/run/netns/{self._netns}",
        ]
        command += ["--system-call-filter=@memlock"]  # as on any machine; containers bar it
        command += [f"--bind={outside}:{inside}" for inside, outside in self._disks.items()]
        # The shell goes into the groups before it becomes systemd-nspawn: the host's own lie below.
        joined = "; ".join(f"echo $$ > {group}/cgroup.procs" for group in groups)
        console = (self._folder / "console").open("wb")
        with console:
            self._process = subprocess.Popen(
                ["sh", "-c", f'{joined}; exec "$@"', "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        self._init = self._wait(self._first_process, "it did not start")
        self._wait(self._answers, "its sshd does not answer")

    def _first_process(self) -> int | None:
        found = self._process and _child(self._process.pid)
        return found if found and Path(f"/proc/{found}/root/run/dbus/system_bus_socket").exists() else None

    def _answers(self) -> bool:
        scan = [*self._network.enter(), "ssh-keyscan", "-T", "2", "-t", "ed25519", self.address]
        return bool(subprocess.run(scan, capture_output=True).stdout)

    def _wait(self, look: Callable[[], Found], problem: str) -> Found:
        deadline = time.monotonic() + PATIENCE
        while not (found := look()):
            console = (self._folder / "console").read_text(errors="replace")[-2000:]
            assert self._process
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name}: {problem}\n{console}")
            time.sleep(0.05)
        return found

    def _finish(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process:
            if number == signal.SIGKILL and (init := _child(process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(init, number)  # with the first of its processes all of them end
            process.send_signal(number)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for group in self._groups():
            _remove_cgroup(group)
        if self._root.is_mount():
            _run("umount", "--lazy", self._root)


def _child(pid: int) -> int | None:
    """Give the first process of the host that a systemd-nspawn runs."""
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if Path(f"/proc/{child}/exe").resolve().name == "systemd":
                return int(child)
    return None


def _remove_cgroup(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def _run(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """Make a network, and take it away at the end."""
    made = Network()
    try:
        yield made
    finally:
        made.close()
