"""A card of `labline image` at its first boot: the real cloud-init reads it on a booted host, and one logs in by the key."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from labline import cli
from labline.first_boot import hashes
from tests.parts import debian_host, pi_card

PASSWORD, PHRASE = "a screen and a keyboard", "the lab's own network"
# What Raspberry Pi OS says to its cloud-init; but a host's network stays as it is.
OF_THE_PI = """\
datasource_list: [NoCloud, None]
ssh_deletekeys: false
ssh_genkeytypes: []
locale: false
network: {config: disabled}
"""
STAGES = ("init --local", "init", "modules --mode=config", "modules --mode=final")


@dataclass
class Booted:
    """A host that went through its first boot with ``card``."""

    host: debian_host.Host
    network: debian_host.Network
    card: Path
    key: Path

    def first_boot(self) -> None:
        """Give the host its card, and go through cloud-init's stages as systemd does at a boot."""
        seed = self.host.path("/var/lib/cloud/seed/nocloud")
        seed.mkdir(parents=True, exist_ok=True)
        for name in ("user-data", "network-config", "meta-data"):
            shutil.copy(self.card / name, seed / name)
        shutil.rmtree(self.host.path("/run/cloud-init"), ignore_errors=True)  # a boot begins with nothing there
        for stage in STAGES:
            self.host.run("cloud-init", *stage.split())

    def ssh(self, command: str) -> str:
        options = [f"UserKnownHostsFile={self.host.known_hosts}", "BatchMode=yes", "IdentitiesOnly=yes"]
        words = [word for option in options for word in ("-o", option)]
        ssh = [*self.network.enter(), "ssh", *words, "-i", str(self.key), f"lab@{self.host.address}", command]
        done = subprocess.run(ssh, capture_output=True, text=True)
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    folder = tmp_path_factory.mktemp("first-boot")
    with ExitStack() as undo:
        with debian_host.or_skip(), debian_host.needed():
            base = debian_host.base(("cloud-init", "netplan.io"))
            network = undo.enter_context(debian_host.network())
            host = debian_host.Host(network, 2, base / "root", folder / "host")
            undo.callback(host.close)
        shutil.copytree(base / "archives", host.path("/archives"))
        install = "DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends /archives/*.deb"
        host.run("sh", "-c", install)
        host.path("/etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg").write_text(OF_THE_PI)
        host.run("systemctl", "disable", "--now", "ssh.service")
        key = folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        made = Booted(host, network, pi_card.folder(folder / "bootfs", pi_card.DEBIAN_13), key)
        (folder / "password").write_text(PASSWORD)
        (folder / "phrase").write_text(PHRASE)
        said = f"--host rack --user lab --key {key}.pub --timezone Europe/Berlin --password-file {folder}/password"
        said += f" --wifi Lab --wifi-password-file {folder}/phrase --country DE"
        assert cli.main(["image", str(made.card), *said.split()]) == 0
        made.first_boot()
        yield made


def test_one_logs_in_by_the_key_and_may_do_all(booted: Booted) -> None:
    assert booted.ssh("sudo -n id -u; hostname; id -nG").split()[:3] == ["0", "rack", "lab"]
    assert booted.host.run("systemctl", "is-enabled", "ssh.service").strip() == "enabled"
    assert "PasswordAuthentication no" in booted.host.run(
        "sh", "-c", "cat /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*", check=False
    )


def test_the_password_is_kept_as_a_hash_of_it(booted: Booted) -> None:
    kept = booted.host.run("getent", "shadow", "lab").split(":")[1]
    assert kept.startswith("$6$") and hashes.password(PASSWORD, kept) == kept
    assert hashes.password("another", kept) != kept


def test_zone_and_network_are_as_they_were_said(booted: Booted) -> None:
    assert booted.host.run("cat", "/etc/timezone").strip() == "Europe/Berlin"
    booted.host.run("cp", "/var/lib/cloud/seed/nocloud/network-config", "/etc/netplan/50-card.yaml")
    booted.host.run("netplan", "generate")
    said = booted.host.run("sh", "-c", "cat /run/netplan/wpa-wlan0.conf")
    assert f"psk={hashes.network('Lab', PHRASE)}\n" in said and "country=DE" in said, said


def test_cloud_init_finds_no_mistake(booted: Booted) -> None:
    said = booted.host.run("cloud-init", "schema", "--config-file", "/var/lib/cloud/seed/nocloud/user-data")
    assert "Valid cloud-config" in said
    log = booted.host.path("/var/log/cloud-init.log").read_text().splitlines()
    assert not [line for line in log if re.search(r"Traceback|Running module .* failed|\[ERROR\]", line)]


def test_other_settings_are_taken_at_the_next_boot(booted: Booted) -> None:
    name = yaml.safe_load((booted.card / "meta-data").read_text())["instance-id"]
    assert booted.host.path("/var/lib/cloud/data/instance-id").read_text().strip() == name
    assert cli.main(["image", str(booted.card), "--host", "cellar", "--user", "lab", "--key", f"{booted.key}.pub"]) == 0
    booted.first_boot()
    assert booted.ssh("hostname").strip() == "cellar"
