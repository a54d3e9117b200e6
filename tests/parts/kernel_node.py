"""A node of a laboratory on a computer of its own: what the playbook's roles write for one, and programs shut in as Telegraf's are."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from . import packages
from .debian_kernel import HERE, ROOT, Computer
from .templates import ROLES, rendered

BEHIND = 365 * 86400  # seconds, of its clock when it boots
DEVICES = ("char-ttyUSB", "char-i2c", "char-video4linux")
GROUPS = ("dialout", "i2c", "video")
FOLDERS = ("/srv/pictures",)
USER = "labline"
WAITING = "waiting"  # the reader that is started with the machine
THERMOMETER = "name: {name}\ndriver: lakeshore_240\nconnection: 'sim:'\ninterval: 1s\nchannels: {{'1': , '2': }}\n"
HARDWARE = ("-device", "qemu-xhci,id=usb", "-device", "i6300esb")
WATCHDOG = "14s"  # as the role's page proposes it
WATCHDOG_TASKS = ROLES / "base" / "tasks" / "watchdog.yml"
ADAPTER, ADAPTER_UNIT = Path(__file__).with_name("usb_i2c_adapter.py"), "i2c-adapter.service"
TIME_SERVER = f"local stratum 8\nallow {HERE}/24\nbindaddress {HERE}\nbindcmdaddress /\ncmdport 0\nuser root\npidfile /mnt/chronyd.pid\n"
POINT = re.compile(r"(\w+)((?:,\w+=(?:[^ ,\\]|\\.)*)*) (.*) (\d+)")
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^,]*)')


@dataclass(frozen=True)
class Told:
    """A point that a program printed; ``time`` in seconds, UTC."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, str]
    time: float


class Reader:
    """A driver's program on a node, in a unit as Telegraf's; ``points`` are what it has said of one instrument, ``log`` of all."""

    def __init__(self, node: Node, name: str, program: str = ""):
        """Listen for an instrument's name; the ``program`` has another one where it reads several."""
        self._node, self.name, self._program = node, name, program or name
        self.unit = f"reader-{self._program}.service"

    @property
    def points(self) -> list[Told]:
        """Tell all points that it has printed whole, the oldest first."""
        found = []
        for line in self._said("lines").splitlines():
            if match := POINT.fullmatch(line):
                measurement, tags, fields, when = match.groups()
                given = {name: text.strip('"') for name, text in FIELD.findall(fields)}
                series = dict(tag.split("=", 1) for tag in tags.split(",") if tag)
                found.append(Told(measurement, series, given, int(when) / 1e9))
        return [point for point in found if point.tags["instrument"] == self.name]

    @property
    def readings(self) -> list[Told]:
        """Tell the points that have a value."""
        return [
            point
            for point in self.points
            if point.measurement != "instrument" and set(point.fields) - {"status", "clock"}
        ]

    @property
    def counted(self) -> int:
        """Tell how many readings it says that it has made, each value one."""
        own = [int(point.fields["readings"].rstrip("i")) for point in self.points if point.measurement == "instrument"]
        return own[-1] if own else 0

    def values(self, field: str) -> list[float]:
        """Tell the values of a quantity, in the order of their times."""
        found = sorted((point for point in self.points if field in point.fields), key=lambda point: point.time)
        return [float(point.fields[field]) for point in found]

    @property
    def log(self) -> str:
        """Tell what it has logged."""
        return self._said("log")

    @property
    def states(self) -> list[str]:
        """Tell the states that it told of its instrument."""
        return [point.fields["state"] for point in self.points if point.measurement == "instrument"]

    @property
    def state(self) -> str:
        """Tell the last of them; empty before the first."""
        return (self.states or [""])[-1]

    def becomes(self, *states: str) -> str:
        """Wait until its instrument is in one of these states; gives it."""
        return self._node.eventually(
            lambda: (found := self.state) in states and found, f"{self.name}: {' or '.join(states)}; log: {self.log}"
        )

    def _said(self, ending: str) -> str:
        file = self._node.folder / "said" / f"{self._program}.{ending}"
        return file.read_text() if file.exists() else ""

    def stop(self) -> None:
        """End it."""
        self._node.run("systemctl", "stop", self.unit)


class Node(Computer):
    """A node, its clock ``BEHIND`` at first, that takes the time from HERE; of what reads, ``WAITING`` starts with it."""

    def __init__(self, debian: Path, folder: Path):
        files = folder / "files"
        ffmpeg = next((packages.folder("ffmpeg") / "imageio_ffmpeg" / "binaries").glob("ffmpeg-*"))
        passwd, group = ((debian / "root/etc" / name).read_text() for name in ("passwd", "group"))
        texts = {
            "etc/passwd": f"{passwd}{USER}:x:990:990::/nonexistent:/usr/sbin/nologin\n",
            "etc/group": f"{group}{USER}:x:990:\n",
            "etc/chrony/conf.d/50-labline.conf": rendered("base/chrony.conf.j2", base_time_servers=[HERE]),
            # Three minutes are short under emulation.
            "etc/systemd/system/labline-clock.service": rendered("base/labline-clock.service.j2")
            .replace("waitsync 36", "waitsync 720")
            .replace("TimeoutStartSec=240", "TimeoutStartSec=3700"),
            "etc/labline/secrets/writer": "nothing",
            f"etc/labline/{WAITING}.yml": THERMOMETER.format(name=WAITING),
            f"etc/systemd/system/reader-{WAITING}.service": unit(
                WAITING, "lakeshore_240", f"/etc/labline/{WAITING}.yml"
            ),
        }
        path, text = watchdog()
        texts[path.lstrip("/")] = text
        for name, text in texts.items():
            (files / name).parent.mkdir(parents=True, exist_ok=True)
            (files / name).write_text(text)
        (folder / "share").mkdir()
        shutil.copy(ffmpeg, folder / "share/ffmpeg")
        wants = files / "etc/systemd/system/multi-user.target.wants"
        wants.mkdir()
        for name in ("labline-clock.service", f"reader-{WAITING}.service"):
            (wants / name).symlink_to(f"/etc/systemd/system/{name}")
        then = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - BEHIND))
        super().__init__(debian, folder, "-rtc", f"base={then}", *HARDWARE)

    def reader(self, name: str, stanza: str, *others: str, waits: bool = True) -> Reader:
        """Start a driver's program for a stanza, and for ``others`` of its driver; gives what is said of the first.

        It ``waits`` for the clock, as Telegraf's unit does, or does not.
        """
        driver = re.search(r"driver: (\w+)", stanza)
        assert driver
        if waits:
            self.time_server()
        files = [f"/etc/labline/{name}{number or ''}.yml" for number in range(1 + len(others))]
        for file, written in zip(files, (stanza, *others), strict=True):
            self.write(file, written)
        text = unit(name, driver[1], *files)
        self.write(
            f"/etc/systemd/system/reader-{name}.service", text if waits else text.replace("time-sync.target", "")
        )
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "start", "--no-block", f"reader-{name}.service")
        return Reader(self, name)

    def plug(self, name: str, port: int | None = None) -> None:
        """Plug in a USB serial adapter of this serial number, whose line leads to a socket of this machine, or nowhere."""
        if name not in [chardev["label"] for chardev in self.ask("query-chardev")]:
            address = {"type": "inet", "data": {"host": "127.0.0.1", "port": str(port)}}
            line = {"type": "socket", "data": {"addr": address, "server": False, "reconnect": 1}}
            self.ask("chardev-add", id=name, backend=line if port else {"type": "null", "data": {}})
        adapter = {"driver": "usb-serial", "bus": "usb.0", "id": f"usb-{name}", "chardev": name, "serial": name}
        self.ask("device_add", **adapter, **{"always-plugged": True})

    def pull(self, name: str) -> None:
        """Pull it out; returns when it is gone."""
        self.ask("device_del", id=f"usb-{name}")
        self.event("DEVICE_DELETED")

    def plug_i2c(self, *codes: int) -> None:
        """Plug in an I²C adapter at USB; the converter on its bus makes ``codes`` of its inputs. Returns when the bus is there."""
        shutil.copy(ADAPTER, self.folder / "share")
        self.run("modprobe", "uhid")
        self.eventually(lambda: "inactive" in self.run("systemctl", "is-active", ADAPTER_UNIT, check=False))
        self.run("systemd-run", f"--unit={ADAPTER_UNIT}", "python3", f"/mnt/{ADAPTER.name}", *map(str, codes))
        self.eventually(lambda: "CP2112" in self.run("cat", "/sys/class/i2c-dev/i2c-0/name", check=False))

    def pull_i2c(self) -> None:
        """Pull it out. The kernel has its bus for as long as somebody has it open."""
        self.run("systemctl", "stop", "--no-block", ADAPTER_UNIT)

    def time_server(self) -> None:
        """Start a server of the right time at HERE, if there is none yet."""
        if (self.folder / "time.conf").exists():
            return
        (self.folder / "time.conf").write_text(TIME_SERVER)
        self.beside("chronyd", "-x", "-d", "-f", "/mnt/time.conf")

    def instrument(self, stanza: str) -> int:
        """Start a simulated instrument at a socket of this machine, in the node's network; gives the port."""
        file = self.folder / "instrument.yml"
        file.write_text(stanza)
        command = [*self.enter, sys.executable, "-m", "telegraf_inputs.simulators", str(file)]
        started = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ends_with(started)
        assert started.stdout
        return int(started.stdout.readline().rpartition(":")[2])


def watchdog() -> tuple[str, str]:
    """Tell the path and the text of what the role base writes for systemd's watchdog."""
    tasks = yaml.safe_load(WATCHDOG_TASKS.read_text())
    file = next(task["ansible.builtin.copy"] for task in tasks if "ansible.builtin.copy" in task)
    return file["dest"], file["content"].replace("{{ base_watchdog }}", WATCHDOG)


def unit(name: str, driver: str, *files: str) -> str:
    """Write a unit as the role's for Telegraf, with a driver's program in Telegraf's place, which reads these ``files``."""
    text = rendered(
        "telegraf/labline-telegraf.service.j2",
        __labline_way="writer",
        __labline_version="/opt/labline",
        __telegraf_programs={"stat": {}},
        labline_secrets={},
        telegraf_devices=DEVICES,
        telegraf_groups=GROUPS,
        telegraf_folders=FOLDERS,
    )
    # Telegraf holds the input of its programs open.
    program = f"/usr/bin/python3 -m telegraf_inputs.drivers.{driver}"
    program += "".join(f" --config {file}" for file in files)
    start = f"ExecStart=/bin/sh -c 'tail -f /dev/null | {program}'\nEnvironmentFile=/etc/environment\n"
    start += "Environment=LABLINE_MEMORY=/var/lib/labline/memory\n"
    start += f"StandardOutput=append:/said/{name}.lines\nStandardError=append:/said/{name}.log"
    return re.sub("^ExecStart=.*$", lambda _: start, text, flags=re.MULTILINE)
