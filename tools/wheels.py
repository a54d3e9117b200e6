"""Gather what a machine's environment is made of: ``python -m tools.wheels --python 3.11 --machine x86_64 --to DIR``.

Writes DIR/labline-<digest>-3.11-x86_64.tar: the wheels that requirements/all.txt locks, each held against its SHA-256, labline's own,
and ``requirements.txt`` with the digests of them all, from which pip installs without a network. Prints its path. It is made once:
the digest in its name is that of what it is made from, the same for each kind of machine. ``--of crossbar`` writes
DIR/crossbar-<digest>-….tar, with what requirements/crossbar.txt locks and nothing of labline's.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCKED = {"labline": ROOT / "requirements" / "all.txt", "crossbar": ROOT / "requirements" / "crossbar.txt"}
OURS = ("telegraf_inputs", "provisioning", "grafana_dashboards", "labline")  # what labline's wheel is made from
MACHINES = {"x86_64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
GLIBC = range(17, 37)  # 2.17 to the 2.36 of Debian 12: the wheels for any of these run there
# So that what is built of sources runs on every machine; they have a slower way for it.
PORTABLE = {"PYUBJSON_NO_EXTENSION": "1"}
PATIENT = ["--disable-pip-version-check", "--quiet"]


def main() -> None:
    """Make the archive where it is not there yet, and print its path."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", required=True, metavar="3.N", help="the Python of the machine")
    parser.add_argument("--machine", required=True, choices=sorted(MACHINES), help="as uname -m calls it")
    parser.add_argument("--to", required=True, type=Path, metavar="DIR", help="the folder for the archive")
    parser.add_argument("--of", choices=LOCKED, default="labline", help="what it is for (default: labline)")
    arguments = parser.parse_args()
    print(archive(arguments.python, MACHINES[arguments.machine], arguments.to.absolute(), arguments.of))


def archive(python: str, machine: str, folder: Path, of: str = "labline") -> Path:
    """Give the archive for a Python and a machine in ``folder``, made where it is not there."""
    made = folder / f"{of}-{_digest(of)}-{python}-{machine}.tar"
    if not made.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".wheels-") as scratch:
            wheels = Path(scratch) / "wheels"
            _download(python, machine, wheels, LOCKED[of])
            for source in [*wheels.glob("*.tar.gz"), *wheels.glob("*.zip")]:
                _build_portable(source, wheels)
            if of == "labline":
                _build_own(wheels, Path(scratch))
            (wheels / "requirements.txt").write_text("".join(map(_locked, sorted(wheels.glob("*.whl")))))
            unfinished = Path(scratch) / "archive.tar"
            with tarfile.open(unfinished, "w") as tar:
                tar.add(wheels, "wheels", filter=_plain)
            os.replace(unfinished, made)
    return made


def _locked(wheel: Path) -> str:
    """Write the line by which pip takes this wheel and no other."""
    name, version = wheel.name.split("-")[:2]
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def _download(python: str, machine: str, wheels: Path, locked: Path) -> None:
    """Get the wheels for another Python and machine than this one, each as it is locked; sources where there is no wheel."""
    abi = f"cp{python.replace('.', '')}"
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "download",
        *PATIENT,
        "--require-hashes",
        "--no-deps",
        "--no-build-isolation",
    ]
    if locked == LOCKED["labline"]:
        command += ["--only-binary", ":all:"]
    command += ["--python-version", python, "--implementation", "cp", "--abi", abi, "--abi", "abi3", "--abi", "none"]
    for minor in reversed(GLIBC):
        command += ["--platform", f"manylinux_2_{minor}_{machine}"]
    command += ["--platform", f"manylinux2014_{machine}", "--platform", f"linux_{machine}", "--platform", "any"]
    subprocess.run([*command, "-r", locked, "-d", wheels], check=True, stdout=sys.stderr)


def _build_portable(source: Path, wheels: Path) -> None:
    """Put a wheel for every machine in the place of a package's sources, built with the setuptools that is locked."""
    with tempfile.TemporaryDirectory(dir=wheels.parent) as made:
        command = [sys.executable, "-m", "pip", "wheel", *PATIENT, "--no-deps", "--no-index", "--no-build-isolation"]
        environment = os.environ | PORTABLE
        subprocess.run([*command, "-w", made, source], check=True, stdout=sys.stderr, env=environment)
        (wheel,) = Path(made).iterdir()
        if not wheel.name.endswith("-none-any.whl"):
            sys.exit(
                f"nothing was made: {source.name} has no wheel for that machine, and can't be built here for another one"
            )
        os.replace(wheel, wheels / wheel.name)
    source.unlink()


def _build_own(wheels: Path, scratch: Path) -> None:
    """Build labline's wheel, with the setuptools that is locked, from a copy: nothing is left beside the sources."""
    source = scratch / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in OURS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        *PATIENT,
        "--no-deps",
        "--no-build-isolation",
        "-w",
        wheels,
        source,
    ]
    subprocess.run(command, check=True, stdout=sys.stderr)


def _digest(of: str) -> str:
    """Tell by 12 hexadecimal digits what an archive is made from."""
    made_from = hashlib.sha256()
    files = [LOCKED[of]] + ([ROOT / "pyproject.toml"] if of == "labline" else [])
    for name in OURS if of == "labline" else ():
        files += sorted(path for path in (ROOT / name).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    for path in files:
        made_from.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return made_from.hexdigest()[:12]


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Belong to root, and be read by all."""
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    info.mode = 0o755 if info.isdir() else 0o644
    return info


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"nothing was made: pip failed (exit status {error.returncode}), see above")
