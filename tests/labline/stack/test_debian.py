"""Debian's packages without root and without a trace on the system: needs Debian's servers, as `labline run` does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from labline.stack import debian, influxdb, libraries
from labline.stack.errors import NotFound, Unavailable
from telegraf_inputs.transport import Library

on_debian = pytest.mark.skipif(not shutil.which("apt-get"), reason="this is no Debian")


def tree(directory: str) -> set[tuple[str, int]]:
    return {(str(path), path.lstat().st_mtime_ns) for path in Path(directory).rglob("*")}


@on_debian
def test_influxdb_is_unpacked_and_the_system_left_as_it_was(bare_machine):
    before = tree("/var/lib/dpkg"), tree("/var/lib/apt"), tree("/etc/systemd")
    part = influxdb.get()
    assert (part.way, part.version[:2]) == ("Debian's package, unpacked", "1.")
    assert part.path.is_relative_to(bare_machine)
    assert (tree("/var/lib/dpkg"), tree("/var/lib/apt"), tree("/etc/systemd")) == before


@on_debian
def test_without_lists_of_packages_it_reads_its_own(bare_machine, tmp_path, monkeypatch):
    (tmp_path / "none" / "partial").mkdir(parents=True)
    (tmp_path / "apt.conf").write_text(f'Dir::State::lists "{tmp_path}/none";\n')
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    unpacked = debian.unpack("libusb-1.0-0")
    assert list(unpacked.glob("**/libusb-1.0.so.0"))
    assert [path.name for path in unpacked.iterdir()] == ["usr"]
    assert [path.name for path in (tmp_path / "none").iterdir()] == ["partial"]


@on_debian
def test_a_package_that_debian_does_not_have(bare_machine):
    with pytest.raises(Unavailable, match="Unable to locate package no-such-package"):
        debian.unpack("no-such-package")
    assert not (bare_machine / "no-such-package").exists()


def test_a_machine_that_is_no_debian_is_told_what_to_do(bare_machine, monkeypatch):
    monkeypatch.setenv("PATH", str(bare_machine))
    with pytest.raises(NotFound, match=r"(?s)not a Debian.*sudo apt-get install influxdb"):
        influxdb.get()


def test_an_influxdb_of_another_generation_is_passed_over(bare_machine, monkeypatch):
    monkeypatch.setattr(debian, "unpack", lambda _: bare_machine)
    program = bare_machine.parent.parent / "bin" / "influxd"
    program.write_text("#!/bin/sh\necho 'InfluxDB v2.7.11 (git: fbf5d4ab5e)'\n")
    program.chmod(0o755)
    with pytest.raises(NotFound, match=r"is not InfluxDB 1\.x: it says 'InfluxDB v2\.7\.11"):
        influxdb.get()


def test_a_library_is_the_systems_or_debians(bare_machine, monkeypatch):
    assert libraries.environment([Library("libc.so.6", "libc6", "LABLINE_LIBC")]) == {}
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unavailable, match="libno.so.9 can't be had: .*sudo apt-get install libno9"):
        libraries.environment([Library("libno.so.9", "libno9", "LABLINE_LIBNO")])
