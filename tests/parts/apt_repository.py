"""A signed repository of Debian packages on the disk, for hosts that reach no other: those given, and stubs made here."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

SUITE, COMPONENT = "stable", "main"
KEY = "key.asc"  # in the repository's folder: what signs it


def make(folder: Path, packages: Iterable[Path]) -> None:
    """Write a repository of ``packages`` (.deb files) into ``folder``, signed with a key of its own."""
    architecture = _run("dpkg", "--print-architecture").strip()
    pool, index = folder / "pool", folder / "dists" / SUITE / COMPONENT / f"binary-{architecture}"
    pool.mkdir(parents=True)
    index.mkdir(parents=True)
    entries = []
    for package in packages:
        here = pool / package.name
        try:
            os.link(package, here)
        except OSError:  # another disk
            shutil.copy(package, here)
        content = here.read_bytes()
        fields = _run("dpkg-deb", "--field", here).rstrip("\n")
        digest = hashlib.sha256(content).hexdigest()
        entries.append(f"{fields}\nFilename: pool/{here.name}\nSize: {len(content)}\nSHA256: {digest}\n")
    (index / "Packages").write_text("\n".join(entries))
    dists = index.parents[1]
    content = (index / "Packages").read_bytes()
    name = (index / "Packages").relative_to(dists)
    (dists / "Release").write_text(
        f"Origin: labline tests\nSuite: {SUITE}\nCodename: {SUITE}\nComponents: {COMPONENT}\nArchitectures: {architecture}\n"
        f"Date: {_run('date', '-Ru').strip()}\nSHA256:\n {hashlib.sha256(content).hexdigest()} {len(content)} {name}\n"
    )
    _sign(dists, folder / KEY)


def package(folder: Path, name: str, version: str, files: dict[str, Path], installed: str = "") -> Path:
    """Build a package with ``files``, by their paths in it; ``installed`` is a shell script that ends its installation."""
    root = folder / name
    (root / "DEBIAN").mkdir(parents=True)
    architecture = _run("dpkg", "--print-architecture").strip()
    (root / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: labline tests <tests@localhost>\n"
        f"Description: {name} for tests\n"
    )
    if installed:
        script = root / "DEBIAN" / "postinst"
        script.write_text(f"#!/bin/sh\nset -e\n{installed}")
        script.chmod(0o755)
    for path, source in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, root / path)
    made = folder / f"{name}_{version}_{architecture}.deb"
    _run("dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", root, made)
    shutil.rmtree(root)
    return made


def fingerprint(key: str) -> str:
    """Tell the fingerprint of a key, given as armoured text."""
    show = ["gpg", "--batch", "--quiet", "--with-colons", "--show-keys"]
    told = subprocess.run(show, input=key, check=True, capture_output=True, text=True).stdout
    return next(line.split(":")[9] for line in told.splitlines() if line.startswith("fpr:"))


def _sign(dists: Path, key: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="gpg-") as home:
        gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", ""]
        _run(*gpg, "--quick-generate-key", "labline tests", "rsa2048", "sign", "never")
        _run(*gpg, "--armor", "--output", key, "--export")
        _run(*gpg, "--clearsign", "--output", dists / "InRelease", dists / "Release")
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


def _run(*command: str | Path) -> str:
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(map(str, command))}: {done.stderr}")
    return done.stdout
