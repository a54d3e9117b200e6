"""What each role leaves on a machine, as testinfra finds it: a table, and what of it is not so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import testinfra.host

EVERYWHERE = ("0.0.0.0", "::", "*")
FORMER_RULES = "/etc/udev/rules.d/60-labline.rules"


@dataclass(frozen=True)
class Left:
    """``runs``: services (enabled, too), by the user of their processes; ``enabled``: units that need not run now; ``barred``: units that neither run nor
    can be started.

    ``files`` by their modes and owners; ``gone``: those that a version before left, and this one takes away;
    ``lines``: what a line of a file (``*`` for each such file) has to be, from its begin to its end;
    ``private``: folders of files that are their owner's alone; ``links`` lead somewhere, ``commands`` to programs;
    ``listens``: ports, and whether the machine's own programs alone get to them; ``users`` can't log in.
    """

    packages: tuple[str, ...] = ()
    runs: dict[str, str] = field(default_factory=dict)
    enabled: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    files: dict[str, tuple[int, str]] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    lines: dict[str, str] = field(default_factory=dict)
    private: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    listens: dict[int, bool] = field(default_factory=dict)
    users: tuple[str, ...] = ()


LEFT = {
    "base": Left(
        packages=("chrony", "nftables", "unattended-upgrades"),
        enabled=("chrony.service", "nftables.service", "labline-clock.service"),
        files={
            "/etc/nftables.conf": (0o755, "root"),
            "/etc/sudoers.d/60-labline": (0o440, "root"),
            "/etc/systemd/journald.conf.d/60-labline.conf": (0o644, "root"),
            "/etc/chrony/conf.d/50-labline.conf": (0o644, "root"),
        },
    ),
    "labline": Left(
        links=("/opt/labline",),
        commands=("/usr/local/bin/labline",),
        files={
            "/etc/labline/site.yml": (0o644, "root"),
            "/etc/labline/secrets": (0o700, "root"),
            "/opt/labline/worked": (0o644, "root"),
        },
        private=("/etc/labline/secrets",),
    ),
    "influxdb": Left(
        packages=("influxdb",),
        runs={"influxdb.service": "influxdb"},
        files={"/etc/influxdb/influxdb.conf": (0o644, "root"), "/var/lib/influxdb": (0o750, "influxdb")},
        listens={8086: True},
        users=("influxdb",),
    ),
    "tls": Left(
        enabled=("labline-certificate.timer",),
        files={"/etc/labline/tls/ca.crt": (0o644, "root"), "/usr/local/sbin/labline-certificate": (0o755, "root")},
    ),
    "grafana": Left(
        packages=("grafana",),
        runs={"grafana-server.service": "grafana"},
        files={"/etc/grafana/grafana.ini": (0o640, "root"), "/etc/grafana/labline": (0o755, "root")},
        listens={3000: True},
        users=("grafana",),
    ),
    "proxy": Left(
        packages=("caddy",),
        runs={"labline-proxy.service": ""},
        barred=("caddy.service",),
        files={"/etc/labline/proxy": (0o700, "root"), "/etc/labline/proxy/Caddyfile": (0o600, "root")},
        listens={8443: False},
    ),
    "telegraf": Left(
        packages=("telegraf",),
        runs={"labline-telegraf.service": "labline"},
        enabled=("labline-catch-up.timer",),
        barred=("telegraf.service",),
        files={
            "/etc/labline/telegraf/telegraf.conf": (0o644, "root"),
            "/etc/udev/rules.d/61-labline.rules": (0o644, "root"),
            "/var/lib/labline/journal": (0o750, "labline"),
        },
        gone=(FORMER_RULES,),
        users=("labline",),
    ),
    "mosquitto": Left(
        packages=("mosquitto",),
        runs={"mosquitto.service": "mosquitto"},
        files={
            "/etc/mosquitto/labline.passwords": (0o600, "mosquitto"),
            "/etc/mosquitto/labline.acl": (0o600, "mosquitto"),
        },
        listens={8883: False},
        users=("mosquitto",),
    ),
    "crossbar": Left(
        runs={"labline-crossbar.service": ""},
        links=("/opt/crossbar",),
        files={"/etc/labline/crossbar": (0o700, "root"), "/etc/labline/crossbar/config.json": (0o600, "root")},
        listens={8001: True, 8444: False},
    ),
    "tunnel": Left(
        runs={"labline-tunnel.service": "labline-tunnel"},
        files={
            "/etc/labline/tunnel/key": (0o600, "root"),
            "/etc/labline/tunnel/known_hosts": (0o644, "root"),
        },
        users=("labline-tunnel",),
    ),
    "tunnel at the server": Left(
        files={
            "/etc/ssh/labline-tunnels": (0o644, "root"),
            "/etc/ssh/sshd_config.d/50-labline-tunnels.conf": (0o644, "root"),
        },
        lines={
            "/etc/ssh/labline-tunnels": r'restrict,port-forwarding,permitlisten="127\.0\.0\.1:\d+",.* tunnel of \S+',
            "/etc/ssh/sshd_config.d/50-labline-tunnels.conf": "Match User tunnels",
        },
        users=("tunnels",),
    ),
    "backup": Left(
        packages=("restic",),
        enabled=("labline-backup.timer",),
        files={"/etc/labline/backup": (0o700, "root"), "/usr/local/sbin/labline-restore": (0o755, "root")},
        private=("/etc/labline/backup",),
        listens={8088: True},
        users=("labline-backup",),
    ),
    "data_drive": Left(
        files={"/etc/fstab": (0o644, "root")},
        lines={
            "/etc/fstab": r"(PART)?(LABEL|UUID)=\S+ /srv/labline ext4 noatime,nofail,\S+,x-systemd\.wanted-by=\S+\.device 0 2",
            "/etc/systemd/system/srv-labline.mount.d/60-labline-data-drive.conf": r"Upholds=\S+\.service .*",
            "/etc/systemd/system/*.service.d/60-labline-data-drive.conf": "AssertPathIsMountPoint=/srv/labline",
        },
    ),
    "wireguard": Left(
        packages=("wireguard-tools",),
        runs={"wg-quick@labline.service": ""},
        files={"/etc/wireguard/labline.conf": (0o600, "root"), "/etc/wireguard/labline.d": (0o700, "root")},
        private=("/etc/wireguard/labline.d",),
    ),
}


def faults(host: testinfra.host.Host, *roles: str) -> list[str]:
    """Tell what is not as these roles leave it."""
    return [f"{role}: {fault}" for role in roles for fault in _faults(host, LEFT[role])]


def _faults(host: testinfra.host.Host, left: Left) -> Iterator[str]:
    for name in left.packages:
        if not host.package(name).is_installed:
            yield f"package {name} is not installed"
    for name in (*left.runs, *left.enabled):
        if not host.service(name).is_enabled:
            yield f"{name} is not started with the machine"
    for name, user in left.runs.items():
        if not host.service(name).is_running:
            yield f"{name} does not run"
        elif user and (found := _user(host, name)) != user:
            yield f"{name} runs as {found}, not as {user}"
    for name in left.barred:
        if not host.service(name).is_masked:
            yield f"{name} can be started"
        if host.service(name).is_running:
            yield f"{name} runs"
    yield from _files(host, left)
    for port, within in left.listens.items():
        if not (addresses := _listening(host, port)):
            yield f"nothing listens on port {port}"
        elif within and any(address in EVERYWHERE for address in addresses):
            yield f"port {port} is open to other machines: {', '.join(addresses)}"
    for name in left.users:
        if not (user := host.user(name)).exists:
            yield f"there is no user {name}"
        elif user.shell.rpartition("/")[2] not in ("nologin", "false"):
            yield f"user {name} can log in: {user.shell}"


def _files(host: testinfra.host.Host, left: Left) -> Iterator[str]:
    for path, (mode, owner) in left.files.items():
        file = host.file(path)
        if not file.exists:
            yield f"there is no {path}"
        elif (file.mode, file.user) != (mode, owner):
            yield f"{path} is {file.mode:o} of {file.user}, not {mode:o} of {owner}"
    for path in left.gone:
        if host.file(path).exists:
            yield f"{path} is there"
    for path, line in left.lines.items():
        found = host.run(f"ls -d {path}").stdout.split()
        if not found:
            yield f"there is no {path}"
        for name in found:
            if not re.search(f"^{line}$", host.file(name).content_string, re.MULTILINE):
                yield f"{name} has no line {line}"
    for folder in left.private:
        for name in host.file(folder).listdir():
            if (file := host.file(f"{folder}/{name}")).is_file and file.mode & 0o077:
                yield f"{folder}/{name} can be read by others than {file.user}: {file.mode:o}"
    for path in left.links:
        file = host.file(path)
        if not file.is_symlink or not host.file(file.linked_to).is_directory:
            yield f"{path} is no link to a folder"
    for path in left.commands:
        if not (file := host.file(path)).is_symlink or host.run("%s --version", path).rc:
            yield f"{path} is no link to a program that runs"


def _user(host: testinfra.host.Host, service: str) -> str:
    process = host.check_output("systemctl show --value --property=MainPID %s", service)
    return str(host.check_output("stat --format %%U %s", f"/proc/{process}"))


def _listening(host: testinfra.host.Host, port: int) -> list[str]:
    said = host.check_output("ss --no-header --listening --tcp --numeric %s", f"sport = :{port}")
    return [line.split()[3].rpartition(":")[0].strip("[]").partition("%")[0] for line in said.splitlines()]
