"""Make the Debian package: ``python -m tools.deb [FOLDER]`` writes labline_VERSION_ARCHITECTURE.deb (default: dist).

It has a venv below /usr/lib/labline, of the locked wheels, for Debian's own Python: it is built on the Debian that it is for.
Only dpkg-deb is needed beside what labline needs, no debhelper and no root.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEBIAN, HOME = ROOT / "debian", "usr/lib/labline"
PYTHON = "/usr/bin/python3"
SCRIPTS = ("postinst", "prerm", "postrm")
# From debian/, or the clone -> where it goes.
PLACES = {
    "debian/site.yml": "etc/labline/site.yml",
    "debian/labline.service": "usr/lib/systemd/system/labline.service",
    "debian/61-labline.rules": "usr/lib/udev/rules.d/61-labline.rules",
    "debian/labline.sysusers": "usr/lib/sysusers.d/labline.conf",
    "README.md": "usr/share/doc/labline/README.md",
    "docs/site-file.md": "usr/share/doc/labline/site-file.md",
    "LICENSE": "usr/share/doc/labline/copyright",
}
PARTS = ("telegraf_inputs", "provisioning", "grafana_dashboards", "labline", "pyproject.toml", "README.md", "LICENSE")


def build(to: Path) -> Path:
    """Build the package into the folder ``to``; gives its path. Exits with a message where something is missing."""
    if not shutil.which("dpkg-deb") or not Path(PYTHON).exists():
        sys.exit(f"make deb: dpkg-deb and {PYTHON} are needed; on Debian: apt install dpkg python3")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    architecture = _run("dpkg", "--print-architecture").strip()
    minor = int(_run(PYTHON, "-c", "import sys; print(sys.version_info[1])"))
    if minor < 11:
        sys.exit(f"make deb: {PYTHON} is 3.{minor}, and labline needs 3.11 or newer: build on Debian 12 or newer")
    to.mkdir(parents=True, exist_ok=True)
    made = to / f"labline_{version}_{architecture}.deb"
    with tempfile.TemporaryDirectory(prefix="labline-deb-") as scratch:
        root = Path(scratch) / "root"
        _venv(root, Path(scratch) / "source")
        for source, place in PLACES.items():
            _put(ROOT / source, root / place, 0o644)
        for name in SCRIPTS:
            _put(DEBIAN / name, root / "DEBIAN" / name, 0o755)
        (root / "usr/bin").mkdir()
        (root / "usr/bin/labline").symlink_to("../lib/labline/bin/labline")
        changes = f"labline ({version}) stable; urgency=medium\n\n  * See the repository's log.\n"
        log = root / "usr/share/doc/labline/changelog.gz"
        log.write_bytes(gzip.compress(changes.encode(), mtime=0))
        (root / "DEBIAN/conffiles").write_text("/etc/labline/site.yml\n")
        size = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file()) // 1024
        (root / "DEBIAN/control").write_text(_control(version, architecture, minor, size))
        _run("chmod", "-R", "u+rwX,go+rX,go-w", root)
        _run(
            "dpkg-deb", "--root-owner-group", "-Zxz", "-z2", "--build", root, made
        )  # a Raspberry Pi takes minutes for the last percents
    return made


def _control(version: str, architecture: str, minor: int, size: int) -> str:
    return f"""\
Package: labline
Version: {version}
Architecture: {architecture}
Maintainer: The maintainers of labline <root@localhost>
Installed-Size: {size}
Depends: python3 (>= 3.{minor}), python3 (<< 3.{minor + 1}~), ca-certificates, systemd, udev
Recommends: libusb-1.0-0
Section: science
Priority: optional
Description: laboratory monitoring from one site file
 What is in the laboratory is said once, in /etc/labline/site.yml. From it come
 the programs that read the instruments, the database, the dashboards and the
 alarms, with Telegraf, InfluxDB and Grafana.
"""


def _venv(root: Path, source: Path) -> None:
    """Make the venv as it will lie in /usr/lib/labline: no file of it names the folder where it was built."""
    home = root / HOME
    _run(PYTHON, "-m", "venv", "--without-pip", home)
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "--python",
        home / "bin/python",
    ]
    install = [*pip, "install", "--no-compile"]
    _run(*install, "--require-hashes", "--prefer-binary", "-r", ROOT / "requirements/all.txt")
    source.mkdir()
    for name in PARTS:  # setuptools writes beside what it builds
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source / name)
    _run(*install, "--no-deps", "--no-build-isolation", source)
    for script in (home / "bin").iterdir():
        if script.name.lower().startswith("activate"):
            script.unlink()
        elif not script.is_symlink():
            script.write_bytes(script.read_bytes().replace(str(home).encode(), f"/{HOME}".encode()))
    settings = home / "pyvenv.cfg"
    settings.write_text("".join(f"{line}\n" for line in settings.read_text().splitlines() if str(home) not in line))
    for record in home.glob("lib/python*/site-packages/labline-*.dist-info/direct_url.json"):
        record.unlink()


def _put(source: Path, place: Path, mode: int) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)
    place.chmod(mode)


def _run(*command: object) -> str:
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"make deb: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    print(build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"))
