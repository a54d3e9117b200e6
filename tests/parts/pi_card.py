"""Cards for a Raspberry Pi: an image file with a partition table and a boot partition, as the two systems ship them.

Made by sfdisk, mkfs.vfat and mcopy, read back by a program that shares nothing with those.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from labline.stack import debian

from . import debian_program, packages

START, SECTORS = 8192, 131072  # of 512 bytes: the boot partition, 64 MiB
CMDLINE = "console=serial0,115200 console=tty1 root=PARTUUID=4e639091-02 rootfstype=ext4 fsck.repair=yes rootwait"
BOTH = {"config.txt": "arm_64bit=1\n", "kernel8.img": "not a kernel\n", "overlays/README": "\n"}
# As in a fresh image, cut down to what matters.
DEBIAN_12 = {**BOTH, "cmdline.txt": f"{CMDLINE} quiet init=/usr/lib/raspberrypi-sys-mods/firstboot\n"}
DEBIAN_13 = {
    **BOTH,
    "cmdline.txt": f"{CMDLINE} resize\n",
    "user-data": "#cloud-config\nssh_pwauth: false\n",
    "meta-data": "dsmode: local\ninstance_id: rpios-image\n",
    "network-config": "network:\n  version: 2\n  ethernets:\n    eth0:\n      dhcp4: true\n      optional: true\n",
}
READ = """\
import json, sys
from dissect.fat.fat import FATFS
from dissect.util.stream import RangeStream
with open(sys.argv[1], "rb") as file:
    entries = FATFS(RangeStream(file, int(sys.argv[2]), int(sys.argv[3]))).get("/").iterdir()
    print(json.dumps({entry.name.lower(): entry.open().read().decode() for entry in entries if not (entry.is_directory() or entry.is_volume_id())}))
"""


def image(path: Path, files: dict[str, str], table: bool = True, sectors: int = SECTORS) -> Path:
    """Make an image with ``files`` in its boot partition; without a ``table`` it is that partition itself."""
    start = START if table else 0
    with path.open("wb") as file:
        file.truncate((start + sectors + 8192) * 512)
    if table:
        layout = f"label: dos\nstart={START}, size={sectors}, type=c\nstart={START + sectors}, type=83\n"
        sfdisk, libraries = debian.unpack("fdisk") / "sbin/sfdisk", debian.unpack("libfdisk1")
        found = str(next(libraries.rglob("libfdisk.so.1")).parent)
        _run(sfdisk, "--quiet", path, given=layout, LD_LIBRARY_PATH=found)
    _run(
        _dosfstools("mkfs.vfat"),
        "-F",
        32 if sectors == SECTORS else 16,
        "-n",
        "bootfs",
        "--offset",
        start,
        path,
        sectors // 2,
    )
    mtools = debian_program.found("mtools", ())[0] / "usr/bin"
    for name in {name.partition("/")[0] for name in files if "/" in name}:
        _run(mtools / "mmd", "-i", f"{path}@@{start * 512}", f"::/{name}")
    for name, text in files.items():
        _run(mtools / "mcopy", "-i", f"{path}@@{start * 512}", "-", f"::/{name}", given=text)
    return path


def read(path: Path, table: bool = True, sectors: int = SECTORS) -> dict[str, str]:
    """Read the files in the root of an image's boot partition, and hold its file system to be sound."""
    start = (START if table else 0) * 512
    part = path.with_name(f"{path.name}.part")
    with path.open("rb") as whole, part.open("wb") as file:
        whole.seek(start)
        file.write(whole.read(sectors * 512))
    _run(_dosfstools("fsck.vfat"), "-n", part)
    part.unlink()
    command = [str(packages.BASE), "-c", READ, str(path), str(start), str(sectors * 512)]
    done = subprocess.run(command, env=packages.environment("fat"), capture_output=True, text=True, check=True)
    files: dict[str, str] = json.loads(done.stdout)
    return files


def folder(path: Path, files: dict[str, str]) -> Path:
    """Make a folder as the boot partition is where it is mounted."""
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


def _dosfstools(program: str) -> Path:
    root, _ = debian_program.found("dosfstools", ())
    return next(place for place in (root / "sbin" / program, root / "usr/sbin" / program) if place.exists())


def _run(*command: object, given: str = "", **environment: str) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, input=given, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
