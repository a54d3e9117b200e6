"""A computer whose kernel is Debian's, under plain emulation: for what needs devices that are pulled, a mount, a clock of its own.

It is made of Debian's packages alone, which lie in a folder of the cache: nothing is installed, and of this machine's network
nothing changes. What stands beside it in its network (a time server, a file server) runs from the same folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from labline.stack import cache, debian
from labline.stack.errors import Unavailable

Found = TypeVar("Found")
ROOT = Path(__file__).parents[2]
SUITE, PYTHON = "bookworm", "3.11"
INSIDE = "systemd systemd-sysv dbus udev kmod python3 iproute2 openssh-server ca-certificates e2fsprogs".split()
PACKAGES = (
    "linux-image-amd64 initramfs-tools busybox qemu-system-x86 samba cifs-utils chrony i2c-tools openssh-client".split()
)
EARLY = ("virtio_pci", "virtio_blk", "ext4")  # what the kernel needs to find its disk
PATIENCE = 900.0  # seconds until it has started, or something in it has happened; never reached where all is well
LOOK_SECONDS = 0.2
HERE, THERE = "10.77.88.1", "10.77.88.2"  # in a network of their own
# Before the first program of Debian's: what a test says of this computer, over what Debian has.
FIRST = f"""\
#!/bin/sh
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=524288 share /mnt
mkdir /said
mount -t 9p -o trans=virtio,version=9p2000.L said /said
tar --warning=no-timestamp -xf /mnt/files.tar -C /
modprobe -a virtio_net xhci_pci
ip address add {THERE}/24 dev eth0
ip link set eth0 up
exec /sbin/init
"""
ENVIRONMENT = "PYTHONPATH=/opt/labline:/opt/python\n"
# Of what Debian starts: what takes minutes under emulation, and nothing here needs. What is plugged in later, udev finds.
UNUSED = """
    smbd nmbd samba-ad-dc e2scrub_reap systemd-udev-trigger systemd-udev-settle systemd-binfmt systemd-sysusers systemd-sysctl
    systemd-tmpfiles-setup systemd-tmpfiles-setup-dev systemd-remount-fs systemd-machine-id-commit systemd-modules-load
    kmod-static-nodes modprobe@configfs modprobe@drm modprobe@efi_pstore modprobe@fuse systemd-logind systemd-update-utmp
    systemd-update-utmp-runlevel systemd-random-seed systemd-journal-flush systemd-pcrphase systemd-pcrphase-sysinit getty@tty1
    serial-getty@ttyS0 systemd-user-sessions apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer
    systemd-networkd systemd-networkd-wait-online systemd-networkd.socket systemd-network-generator systemd-pstore
    dpkg-db-backup.timer systemd-tmpfiles-clean.timer dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount
    sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount
"""


class NoComputer(Exception):
    """This machine can't have such a computer, whatever is to be tried on it."""


def unavailable() -> str:
    """Tell why there can be none here; empty where there can."""
    if os.geteuid():
        return "a computer under emulation needs root: its Debian is made, and its network is, by root"
    if os.uname().machine != "x86_64":
        return "a computer under emulation is tried on x86_64 alone"
    if missing := [name for name in ("ip", "chroot", "mount", "sh") if not shutil.which(name)]:
        return f"a computer under emulation needs {', '.join(missing)}"
    if not Path("/dev/net/tun").exists():
        return "a computer under emulation needs /dev/net/tun"
    return ""


def made() -> Path:
    """Give the folder with a Debian in ``root``, its ``disk``, ``kernel`` and ``initrd``; made once. Raises NoComputer."""
    locked = ROOT / "requirements" / "all.txt"
    recipe = repr((INSIDE, PACKAGES, EARLY, FIRST, UNUSED)).encode() + locked.read_bytes()
    kept = f"tests-kernel-{SUITE}-{hashlib.sha256(recipe).hexdigest()[:8]}"
    try:
        with cache.new(kept) as scratch:
            if scratch:
                _make(scratch, locked)
    except (OSError, Unavailable) as error:
        raise NoComputer(f"a Debian for a computer under emulation can't be had: {error}") from error
    return cache.directory() / kept


def _make(folder: Path, locked: Path) -> None:
    root = folder / "root"
    _install(root)
    _furnish(root, locked)
    for name, pattern in (("kernel", "vmlinuz-*"), ("initrd", "initrd.img-*")):
        shutil.copy(next((root / "boot").glob(pattern)), folder / name)
    with (folder / "disk").open("wb") as file:
        file.truncate(4 << 30)
    _run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", root, folder / "disk")


def _install(root: Path) -> None:
    bootstrap = debian.unpack("debootstrap")
    own = ["env", f"DEBOOTSTRAP_DIR={bootstrap}/usr/share/debootstrap", bootstrap / "usr/sbin/debootstrap"]
    _run(*own, "--variant=minbase", f"--include={','.join(INSIDE)}", SUITE, root)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    no_daemons = root / "usr/sbin/policy-rc.d"
    no_daemons.write_text("#!/bin/sh\nexit 101\n")
    no_daemons.chmod(0o755)
    _run("chroot", root, "apt-get", "-qq", "update")
    install = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "install", "--yes", "--no-install-recommends"]
    _run("chroot", root, *install, *PACKAGES)
    _run("chroot", root, "apt-get", "-qq", "clean")
    shutil.rmtree(root / "var/lib/apt/lists")
    (root / "etc/resolv.conf").unlink()
    (root / "etc/machine-id").write_text("")


def _furnish(root: Path, locked: Path) -> None:
    packages = root / "opt/python"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    pip += ["--require-hashes", "--only-binary", ":all:", "--python-version", PYTHON, "--target", str(packages)]
    _run(*pip, "-r", locked)
    _run("chroot", root, "python3", "-m", "compileall", "-q", "/opt/python")
    (root / "etc/initramfs-tools/conf.d/labline").write_text("MODULES=list\nCOMPRESS=gzip\nRESUME=none\n")
    for script in (root / "usr/share/initramfs-tools").rglob("udev"):
        script.unlink()  # its disk is the only one
    (root / "etc/initramfs-tools/modules").write_text("\n".join(EARLY) + "\n")
    _run("chroot", root, "update-initramfs", "-u")
    for unit in UNUSED.split():
        name = unit if "." in unit else f"{unit}.service"
        (root / "etc/systemd/system" / name).symlink_to("/dev/null")
    first = root / "sbin/labline-first"
    first.write_text(FIRST)
    first.chmod(0o755)


class Computer:
    """A computer at ``THERE``, and its network; ``run`` runs a command in it as root, ``ask`` asks the emulator.

    What lies in ``folder / "files"`` is on its disk when it starts; what lies in ``folder / "share"`` it can read at /mnt; what it writes into /said
    lies in ``folder / "said"``: to look there costs it nothing.
    """

    def __init__(self, debian: Path, folder: Path, *hardware: str):
        """Boot it, with the words of qemu-system-x86_64 for its hardware. Returns when its sshd answers."""
        self._debian, self.folder = debian, folder
        self._name = f"labline-kernel-{os.getpid()}"
        self._undo = contextlib.ExitStack()
        try:
            self._network()
            self._boot(hardware)
        except BaseException:
            self.close()
            raise

    def run(self, *command: str | Path, check: bool = True, feed: str | None = None) -> str:
        """Run a command in it, as root; gives what it prints, its errors included. ``feed``: its input."""
        said = " ".join(shlex.quote(str(word)) for word in command)
        ssh = ["ssh", "-F", "none", "-S", "/mnt/ssh", "-o", "ControlMaster=no", f"root@{THERE}", said]
        done = subprocess.run(self._enter(*ssh), input=feed or "", capture_output=True, text=True)
        assert not check or done.returncode == 0, f"{said}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def write(self, path: str, text: str) -> None:
        """Write a file in it."""
        self.run("tee", path, feed=text)

    def read(self, path: str) -> str:
        """Read a file of it."""
        return self.run("cat", path)

    def eventually(self, look: Callable[[], Found], what: str = "") -> Found:
        """Look until there is something; gives it."""
        deadline = time.monotonic() + PATIENCE
        while not (found := look()):
            assert self._process.poll() is None, f"it ended\n{self.console()}"
            assert time.monotonic() < deadline, f"{what or look} never came\n{self.console()}"
            time.sleep(LOOK_SECONDS)
        return found

    def beside(self, *command: str | Path) -> subprocess.Popen[bytes]:
        """Start a program of Debian's beside it, at HERE; the folder of this computer is /mnt there. Ended with it."""
        log = (self.folder / f"{Path(command[0]).name}.log").open("ab")
        with log:
            started = subprocess.Popen(
                self._enter(*command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.ends_with(started)
        return started

    def there(self, *command: str | Path, feed: str = "") -> str:
        """Run a program of Debian's beside it, and wait for its end; gives what it prints."""
        done = subprocess.run(self._enter(*command), input=feed, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def hang(self) -> None:
        """Have its kernel end all work at once, and stay so until its hardware resets it."""
        self.ask("set-action", reboot="reset")  # else it would end
        self.run("sh", "-c", "echo 0 > /proc/sys/kernel/panic")
        self.run("sh", "-c", "(sleep 1; echo c > /proc/sysrq-trigger) > /dev/null 2>&1 &")

    def restarts(self) -> None:
        """Wait until it was reset, and answers again."""
        self.event("RESET")
        _end(self._login)
        self._log_in()
        self.ask("set-action", reboot="shutdown")  # not before: its BIOS resets it once more

    def ends_with(self, process: subprocess.Popen[Any]) -> None:
        """Have a process end when it does."""
        self._undo.callback(_end, process)

    @property
    def enter(self) -> list[str]:
        """Begin a command of this machine that is to run in its network."""
        return ["ip", "netns", "exec", self._name]

    def ask(self, command: str, **arguments: Any) -> Any:
        """Ask the emulator (QMP); gives its answer."""
        self._monitor.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while "return" not in (said := self._said()):
            assert "error" not in said, f"{command} {arguments}: {said}"
        return said["return"]

    def event(self, name: str) -> dict[str, Any]:
        """Wait for the emulator to tell of an event; gives it."""
        while True:
            for index, event in enumerate(self._events):
                if event["event"] == name:
                    return self._events.pop(index)
            self._said()

    def console(self) -> str:
        """Tell the last that it said."""
        return (self.folder / "console").read_text(errors="replace")[-3000:]

    def close(self) -> None:
        """End it, and leave nothing behind."""
        self._undo.close()

    def _network(self) -> None:
        _run("ip", "netns", "add", self._name)
        self._undo.callback(_run, "ip", "netns", "del", self._name)
        for words in (
            "link set lo up",
            "tuntap add dev tap mode tap",
            f"addr add {HERE}/24 dev tap",
            "link set tap up",
        ):
            _run("ip", "-n", self._name, *words.split())

    def _enter(self, *command: str | Path) -> list[str]:
        """Make a command one that runs in its network and its Debian, where /mnt is this computer's folder."""
        places = {"mnt": self.folder, "srv": self._debian, "dev": Path("/dev"), "proc": Path("/proc")}
        binds = [f"mount --bind {shlex.quote(str(path))} {name}" for name, path in places.items()]
        steps = [
            f"cd {shlex.quote(str(self._debian / 'root'))}",
            *binds,
            'exec chroot . setpriv --pdeathsig TERM env HOME=/mnt TMPDIR=/mnt "$@"',  # no longer than the tests
        ]
        # `ip netns exec` has made a mount namespace of its own: these end with the command.
        return [*self.enter, "sh", "-c", " && ".join(steps), "sh", *map(str, command)]

    def _boot(self, hardware: tuple[str, ...]) -> None:
        self._write_files()
        said = "console=ttyS0 root=/dev/vda rw init=/sbin/labline-first quiet systemd.show_status=no net.ifnames=0 mitigations=off fsck.mode=skip"
        words = "qemu-system-x86_64 -accel tcg -cpu Nehalem -smp 1 -m 768 -display none -nodefaults -no-user-config"
        words += (
            " -no-reboot -kernel /srv/kernel -initrd /srv/initrd -drive file=/srv/disk,format=raw,if=virtio,snapshot=on"
        )
        words += " -chardev file,id=console,path=/mnt/console -serial chardev:console"
        words += " -netdev tap,id=net,ifname=tap,script=no,downscript=no -device virtio-net-pci,netdev=net,romfile="
        words += " -virtfs local,path=/mnt/share,mount_tag=share,security_model=none,readonly=on,multidevs=remap"
        words += " -virtfs local,path=/mnt/said,mount_tag=said,security_model=none,multidevs=remap"
        self._monitor, theirs = socket.socketpair()
        self._undo.callback(self._monitor.close)
        self._monitor.settimeout(PATIENCE)
        self._rest, self._events = b"", list[dict[str, Any]]()
        with theirs, (self.folder / "emulator.log").open("wb") as log:
            words += f" -chardev socket,id=monitor,fd={theirs.fileno()} -mon monitor,mode=control"
            self._process = subprocess.Popen(
                self._enter(*words.split(), "-append", said, *hardware),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._undo.callback(_end, self._process)
        self._said()  # its greeting
        self.ask("qmp_capabilities")
        self._log_in()

    def _log_in(self) -> None:
        """Wait until its sshd lets one in."""
        keys = "-i /mnt/key -o UserKnownHostsFile=/mnt/known -o BatchMode=yes"
        # Tries once a second, and stays: each command goes over this connection.
        stay = f"-M -N -S /mnt/ssh -o ConnectTimeout=60 -o ConnectionAttempts={PATIENCE:.0f}"
        self._login = self.beside("ssh", "-F", "none", *keys.split(), *stay.split(), f"root@{THERE}")
        deadline = time.monotonic() + PATIENCE
        while not (self.folder / "ssh").exists():
            if self._login.poll() is not None or self._process.poll() is not None or time.monotonic() > deadline:
                raise NoComputer(f"it did not start\n{self.console()}")
            time.sleep(LOOK_SECONDS)

    def _write_files(self) -> None:
        """Write what it has over Debian's own from its first moment on."""
        files = self.folder / "files"
        for name, text in {
            "etc/environment": ENVIRONMENT,
            "etc/hostname": "node\n",
            "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 node\n",
        }.items():
            (files / name).parent.mkdir(parents=True, exist_ok=True)
            (files / name).write_text(text)
        ssh = files / "root/.ssh"
        ssh.mkdir(parents=True)
        shutil.copytree(
            ROOT / "telegraf_inputs",
            files / "opt/labline/telegraf_inputs",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        # Here and not there, where it takes minutes.
        _run(*self._enter("python3", "-m", "compileall", "-q", "-s", "/mnt/files", "/mnt/files/opt/labline"))
        _run(*self._enter("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/mnt/key"))
        shutil.copy(self.folder / "key.pub", ssh / "authorized_keys")
        for name in ("share", "said"):
            (self.folder / name).mkdir(exist_ok=True)
        with tarfile.open(self.folder / "share/files.tar", "w") as tar:  # one file: each costs there
            tar.add(files, ".", filter=_owned_by_root)
        public = (self._debian / "root/etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
        (self.folder / "known").write_text(f"{THERE} {public[0]} {public[1]}\n")

    def _said(self) -> dict[str, Any]:
        """Wait for what the emulator says next; events are kept aside. Raises NoComputer at its end."""
        while b"\n" not in self._rest:
            try:
                more = self._monitor.recv(65536)
            except TimeoutError:
                more = b""
            if not more:
                said = (self.folder / "emulator.log").read_text(errors="replace")[-1000:]
                raise NoComputer(f"the emulator says nothing any more: {said}")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        if "event" in said:
            self._events.append(said)
        return said


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode &= 0o755
    return entry


def _end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    process.communicate()


def _run(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(map(str, command))}: {(done.stdout + done.stderr)[-2000:]}")
