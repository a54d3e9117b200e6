"""What roles write is such as the programs take that read it, and shut in as far as it is meant to be."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.parts.templates import rendered

MOST_EXPOSED = 2.0  # of systemd-analyze security: 10 is everything
OVERLAPPING = [
    ["192.168.1.0/24"],
    ["10.0.0.0/8", "10.90.0.0/24"],
    ["10.90.0.0/24", "192.168.1.0/24", "10.0.0.0/8", "10.90.0.0/24"],
    ["0.0.0.0/0", "192.168.1.0/24"],
    ["192.168.0.0/24", "192.168.1.0/24"],
]


@pytest.mark.parametrize("subnets", OVERLAPPING, ids=", ".join)
def test_the_firewall_takes_subnets_that_overlap(tmp_path: Path, subnets: list[str]) -> None:
    alone = ["unshare", "--user", "--map-root-user", "--net"]
    if not shutil.which("nft") or subprocess.run([*alone, "nft", "list", "ruleset"], capture_output=True).returncode:
        pytest.skip("no nft here, or no right to ask it")
    rules = tmp_path / "nftables.conf"
    ports = {"__base_ssh_ports": [22], "base_open_ports": [22, 8443], "base_open_udp_ports": [51820, 51820]}
    rules.write_text(rendered("base/nftables.conf.j2", base_subnets=subnets, **ports))
    for arguments in (["-c"], []):  # as Ansible asks, and as it is then loaded
        done = subprocess.run([*alone, "nft", *arguments, "-f", rules], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("port", [8443, 443])
def test_the_proxy_is_shut_in_at_every_port(tmp_path: Path, port: int) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    unit = tmp_path / "labline-proxy.service"
    unit.write_text(rendered("proxy/labline-proxy.service.j2", proxy_port=port))
    assert ("CAP_NET_BIND_SERVICE" in unit.read_text()) == (port < 1024)
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", unit]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (level,) = re.findall(r"Overall exposure level for labline-proxy\.service: ([\d.]+)", said)
    assert float(level) <= MOST_EXPOSED, said
