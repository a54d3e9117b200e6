"""The Debian package: built, signed into a repository, installed and removed by apt on a copy of this machine's system."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parts import apt_repository
from tools import deb

CLONE = Path(__file__).parents[2]
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
