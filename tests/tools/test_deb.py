"""The Debian package: built, signed into a repository, installed and removed by apt on a copy of this machine's system."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from labline.stack import telegraf
from telegraf_inputs import clock
from tests.parts import apt_repository, debian_host, templates
from tools import deb

CLONE = Path(__file__).parents[2]
MODPROBE = re.compile(r"^(Wants|After)=(.*modprobe@.*)$", re.MULTILINE)
MOST_EXPOSED = 2.0  # of systemd-analyze security: 10 is everything
# What is written lies in memory and is gone with the mount namespace; the system itself is underneath, and stays as it is.
COPY = """\
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mkdir -p "$1/root/repository"
mount --bind "$2" "$1/root/repository"
mount -t proc proc "$1/root/proc"
mount --bind /dev "$1/root/dev"
exec chroot "$1/root" /bin/sh -e -c "$3"
"""
APT = "apt-get -qq -o Dir::Etc::sourcelist=/etc/apt/sources.list.d/labline.list -o Dir::Etc::sourceparts=- -o APT::Sandbox::User=root"
INSTALL = f"""
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive
echo "deb [signed-by=/repository/key.asc] file:/repository stable main" > /etc/apt/sources.list.d/labline.list
{APT} update
{APT} install --yes --no-install-recommends labline >&2
"""


def done(*command: str | Path) -> str:
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    if not shutil.which("dpkg-deb") or not Path(deb.PYTHON).exists():
        pytest.skip("no Debian: dpkg-deb or its Python is missing")
    version = done(deb.PYTHON, "-c", "import sys; print(sys.version_info >= (3, 11))")
    if version.strip() != "True":
        pytest.skip(f"{deb.PYTHON} is too old for labline")
    return Path(done(sys.executable, "-m", "tools.deb", tmp_path_factory.mktemp("deb")).strip())


@pytest.fixture(scope="module")
def unpacked(package) -> Path:
    root = package.parent / "unpacked"
    done("dpkg-deb", "-x", package, root)
    return root


@pytest.fixture
def on_a_copy(package, tmp_path):
    """Run a script of the shell after `apt-get install labline` from a signed repository, on a copy of this system."""
    if os.geteuid() or not shutil.which("debootstrap") and not Path("/etc/debian_version").exists():
        pytest.skip("installing by apt needs root, on a Debian")
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespace can be made here")
    apt_repository.make(tmp_path / "repository", [package])
    (tmp_path / "copy").mkdir()
    return lambda script: done(
        "unshare", "-m", "sh", "-c", COPY, "sh", tmp_path / "copy", tmp_path / "repository", INSTALL + script
    )


def test_apt_installs_and_removes_it(on_a_copy):
    said = on_a_copy(f"""
        cd /
        labline --version
        labline check /etc/labline/site.yml
        labline render /etc/labline/site.yml --to /tmp/rendered --python /usr/lib/labline/bin/python > /dev/null
        test -s /tmp/rendered/telegraf/telegraf.conf
        /usr/lib/labline/bin/python -m telegraf_inputs.drivers.pfeiffer_tpg --help > /dev/null
        id labline
        sed -i s/lab-pc/cellar-pc/ /etc/labline/site.yml
        {APT} install --yes --reinstall labline >&2
        grep cellar-pc /etc/labline/site.yml
        {APT} remove --yes labline >&2
        grep -c cellar-pc /etc/labline/site.yml
        test ! -e /usr/lib/labline && test ! -e /usr/bin/labline && echo removed
        {APT} purge --yes labline >&2
        test ! -e /etc/labline/site.yml && echo purged
    """)
    assert said.startswith("labline ") and "no mistakes" in said and "(labline)" in said
    assert said.splitlines()[-2:] == ["removed", "purged"]


def test_a_repository_signed_by_another_is_refused(on_a_copy, tmp_path):
    apt_repository.make(tmp_path / "other", [])
    shutil.copy(tmp_path / "other" / "key.asc", tmp_path / "repository" / "key.asc")
    with pytest.raises(AssertionError, match="not signed|NO_PUBKEY|couldn't be verified"):
        on_a_copy("")


def test_no_file_names_the_folder_where_it_was_built(unpacked):
    for path in unpacked.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert b"labline-deb-" not in path.read_bytes(), path


def test_it_is_made_as_debian_wants_it(package, unpacked):
    listed = done("dpkg-deb", "--contents", package).splitlines()
    assert {line.split()[1] for line in listed} == {"root/root"}
    writable = [line for line in listed if not line.startswith("l") and (line[5] == "w" or line[8] == "w")]
    assert not writable
    assert (unpacked / "usr/share/doc/labline/copyright").exists()
    assert done("dpkg-deb", "--info", package, "conffiles") == "/etc/labline/site.yml\n"
    description = done("dpkg-deb", "--field", package, "Description").splitlines()
    assert len(description[0]) < 80 and all(len(line) <= 80 for line in description)
    for script in deb.SCRIPTS:
        done("sh", "-n", CLONE / "debian" / script)


def test_the_unit_may_do_little(unpacked):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    unit = unpacked / "usr/lib/systemd/system/labline.service"
    said = done("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    (level,) = re.findall(r"Overall exposure level for labline\.service: ([\d.]+)", said)
    assert float(level) <= MOST_EXPOSED, said
    # Else nobody learns whether the clock is set: either bars adjtimex(2).
    assert re.search(r"~@clock .*adjtimex is allowed", said) and re.search(r"ProtectClock= .*may write", said), said


def test_the_drivers_of_its_devices_come_before_it(unpacked):
    unit = (unpacked / "usr/lib/systemd/system/labline.service").read_text()
    devices = re.findall(r"^DeviceAllow=(\S+) rw$", unit, re.MULTILINE)
    of_ansible = templates.rendered(
        "telegraf/labline-telegraf.service.j2",
        __labline_way="writer",
        __labline_version="",
        __telegraf_programs={"stat": {}},
        labline_secrets={},
        telegraf_devices=devices,
    )
    wanted, found = (
        {(key, u) for key, units in MODPROBE.findall(text) for u in units.split()} for text in (of_ansible, unit)
    )
    assert found == wanted and ("Wants", "modprobe@usbserial.service") in found


# What Debian's file of this name finds out of adapters, of which there are none here: two of one number, one without, the ports of a fourth.
SERIAL = "60-serial.rules"
NAMED = """\
KERNEL=="tty[0-4]", ENV{ID_BUS}="usb", ENV{ID_USB_INTERFACE_NUM}="00"
KERNEL=="tty0", ENV{ID_SERIAL_SHORT}="0001", ENV{ID_PATH}="pci-0000:00:14.0-usb-0:1:1.0", ENV{.ID_PORT}="0"
KERNEL=="tty1", ENV{ID_SERIAL_SHORT}="0001", ENV{ID_PATH}="pci-0000:00:14.0-usb-0:2:1.0", ENV{.ID_PORT}="0"
KERNEL=="tty2", ENV{ID_PATH}="pci-0000:00:14.0-usb-0:3:1.0"
KERNEL=="tty3", ENV{ID_SERIAL_SHORT}="A50285BI", ENV{ID_PATH}="pci-0000:00:14.0-usb-0:4:1.0", ENV{.ID_PORT}="0"
KERNEL=="tty4", ENV{ID_SERIAL_SHORT}="A50285BI", ENV{ID_PATH}="pci-0000:00:14.0-usb-0:4:1.0", ENV{.ID_PORT}="1"
"""
NAMES = {
    "tty0": {"0001-00", "pci-0000:00:14.0-usb-0:1:1.0"},
    "tty1": {"0001-00", "pci-0000:00:14.0-usb-0:2:1.0"},
    "tty2": {"pci-0000:00:14.0-usb-0:3:1.0"},
    "tty3": {"A50285BI-00", "pci-0000:00:14.0-usb-0:4:1.0"},
    "tty4": {"A50285BI-00-port1", "pci-0000:00:14.0-usb-0:4:1.0-port1"},
}
STATUS = "runuser -u labline -- env HOME=/var/lib/labline labline status /etc/labline/site.yml --state /var/lib/labline --once"
PATIENCE = 120.0  # seconds


@pytest.fixture(scope="module")
def host(package, tmp_path_factory) -> Iterator[debian_host.Host]:
    """A booted Debian where apt has installed labline and Telegraf, and can install InfluxDB."""
    folder = tmp_path_factory.mktemp("host")
    with ExitStack() as undo:
        with debian_host.or_skip(), debian_host.needed():
            base = debian_host.base(("influxdb", "udev"))
            network = undo.enter_context(debian_host.network())
            booted = debian_host.Host(network, 2, base / "root", folder / "host")
            undo.callback(booted.close)
        stub = apt_repository.package(folder, "telegraf", "1.39.3-1", {"usr/bin/telegraf": telegraf.get().path})
        apt_repository.make(folder / "repository", [*sorted((base / "archives").glob("*.deb")), stub, package])
        shutil.copytree(folder / "repository", booted.path("/repository"))
        list_ = "deb [signed-by=/repository/key.asc] file:/repository stable main\n"
        booted.path("/etc/apt/sources.list.d").mkdir(exist_ok=True)
        booted.path("/etc/apt/sources.list.d/labline.list").write_text(list_)
        booted.run("apt-get", "-qq", "update")
        booted.run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "install", "--yes", "labline", "telegraf")
        yield booted


def test_it_waits_for_its_site_file(host):
    assert host.run("systemctl", "is-active", "labline.service", check=False).strip() == "inactive"
    assert host.run("systemctl", "is-enabled", "labline.service", check=False).strip() == "disabled"


def test_the_service_reads_beside_a_telegraf_of_the_machines_own(host, monkeypatch):
    # What this machine's kernel says of its clock it says in the host, too, to whoever may ask.
    monkeypatch.delenv(clock.VARIABLE)
    state = {"": " ok", "unsynchronised": " clock"}[clock.Clock().doubt]
    conf = "[[inputs.mock]]\nmetric_name='m'\n[[inputs.mock.constant]]\nname='v'\nvalue=1\n[[outputs.discard]]\n"
    host.path("/etc/telegraf.conf").write_text(conf)
    host.run("systemd-run", "--unit=telegraf", "telegraf", "--config", "/etc/telegraf.conf")
    host.run("systemctl", "enable", "--now", "labline.service")
    deadline = time.monotonic() + PATIENCE
    while "Main chamber" not in (said := host.run(*STATUS.split(), check=False)) or state not in said:
        journal = host.run("journalctl", "--no-pager", "--unit=labline", "--lines=40")
        assert time.monotonic() < deadline, said + journal
        time.sleep(0.5)
    for unit in ("labline.service", "telegraf.service"):
        assert host.run("systemctl", "is-active", unit).strip() == "active"
    ours = [line for line in host.run("ps", "-eo", "user=,args=").splitlines() if "/var/lib/labline" in line]
    assert len(ours) > 3 and {line.split()[0] for line in ours} == {"labline"}, ours
    assert host.exposure("labline.service") <= MOST_EXPOSED


def test_udev_takes_the_rules_and_names_adapters(host):
    host.path("/etc/udev/rules.d").mkdir(parents=True, exist_ok=True)
    assert host.path(f"/usr/lib/udev/rules.d/{SERIAL}").exists()
    host.path(f"/etc/udev/rules.d/{SERIAL}").write_text(NAMED)
    if "verify" in host.run("udevadm", "--help"):  # of Debian 13
        host.run("udevadm", "verify", "/usr/lib/udev/rules.d/61-labline.rules")
    links = {}
    for device in NAMES:
        said = host.run("udevadm", "test", f"/sys/class/tty/{device}")
        assert not re.search(r"61-labline\.rules:\d+ (?!LINK|GROUP|MODE)", said), said
        (found,) = re.findall(r"DEVLINKS=(.*)", said)
        links[device] = {link.removeprefix("/dev/labline/") for link in found.split()}
    assert links == NAMES


def test_a_purge_ends_it_and_leaves_what_was_measured(host):
    host.run("apt-get", "-qq", "purge", "--yes", "labline")
    left = host.run(
        "sh", "-c", "ls -d /var/lib/labline/* /etc/labline /usr/lib/labline /var/cache/labline; id labline", check=False
    )
    assert "/var/lib/labline/my-lab" in left and "(labline)" in left
    for gone in ("/etc/labline", "/usr/lib/labline", "/var/cache/labline"):
        assert f"'{gone}'" in left, left
    assert host.run("systemctl", "is-active", "labline.service", check=False).strip() == "inactive"
    assert "labline.cli" not in host.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
