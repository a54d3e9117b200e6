"""Ways to nodes: what the site file says of them, taken by the real ssh to real servers."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from labline import cli, ssh
from provisioning import site as sites
from provisioning import ssh_config
from telegraf_inputs.errors import BadInput
from tests.parts.sftp import SftpServer

SITE = """\
site: two-rooms
nodes:
  - {{name: rack, {rack}}}
  - {{name: cellar, {cellar}}}
influxdb: {{url: "http://192.168.1.11:8086"}}
instruments:
  - {{name: cryostat, driver: lakeshore_372, connection: "tcp://192.168.1.5:7777"}}
"""
ROLES = Path(__file__).parents[2] / "ansible" / "roles"
needs_ssh = pytest.mark.skipif(not shutil.which("ssh"), reason="there is no ssh here (Debian: openssh-client)")


def written(folder: Path, rack: str, cellar: str) -> Path:
    file = folder / "lab.yml"
    file.write_text(SITE.format(rack=rack, cellar=cellar))
    return file


@pytest.fixture(scope="module")
def machines():
    """Two machines with sshd; and ssh's options that bring their keys."""
    with tempfile.TemporaryDirectory(prefix="ssh-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # sshd is nobody's
        server, node = SftpServer(folder / "server"), SftpServer(folder / "node")
        known = folder / "known_hosts"
        node_key = node.known_hosts.read_text().partition(" ")[2]
        known.write_text(f"{server.known_hosts.read_text()}cellar {node_key}")
        yours = f"IdentityFile {server.key}\nIdentityFile {node.key}\nUserKnownHostsFile {known}\nStrictHostKeyChecking yes\n"
        try:
            yield server, node, yours
        finally:
            server.stop()
            node.stop()


def rack_and_cellar(folder: Path, machines) -> Path:
    server, node, _ = machines
    return written(
        folder,
        f"address: 127.0.0.1, ssh: {{user: {server.user}, port: {server.port}}}",
        f"ssh: {{user: {node.user}, tunnel_port: {node.port}}}",
    )


@needs_ssh
def test_a_node_is_reached_by_its_tunnel(machines, tmp_path):
    site = sites.load(rack_and_cellar(tmp_path, machines))
    config = tmp_path / "lab.conf"
    config.write_text(f"{ssh_config.render(site)}\nHost *\n{machines[2]}")
    asked = ["sftp", "-F", config, "-b", "-", "cellar"]
    said = subprocess.run(asked, input=f"cd {machines[1].folder}\npwd\n", capture_output=True, text=True, timeout=120)
    assert said.returncode == 0 and str(machines[1].folder) in said.stdout.splitlines()[-1], said.stderr


@needs_ssh
def test_labline_ssh_logs_in_and_forwards(machines, tmp_path):
    file = rack_and_cellar(tmp_path, machines)
    options = [word for line in machines[2].splitlines() for word in ("-o", line)]
    command = [sys.executable, "-m", "labline.cli", "ssh", "--site", file, "rack", *options]
    cache = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    ran = subprocess.run(
        [*command, "-W", f"127.0.0.1:{machines[1].port}"],
        input="\n",
        capture_output=True,
        text=True,
        timeout=120,
        env=cache,
    )
    assert ran.stdout.startswith("SSH-2.0-OpenSSH"), ran.stderr


@needs_ssh
def test_what_the_server_shows_is_brought_here(tmp_path):
    file = written(
        tmp_path, "address: 192.168.1.11, ssh: {port: 2222, jump: me@gate.example.org}", "ssh: {tunnel_port: 20001}"
    )
    config = tmp_path / "lab.conf"
    config.write_text(ssh_config.render(sites.load(file)))
    said = subprocess.run(["ssh", "-F", config, "-G", "rack+views"], capture_output=True, text=True, check=True).stdout
    for line in ("hostname 192.168.1.11", "port 2222", "proxyjump me@gate.example.org"):
        assert line in said.splitlines()
    for port in (3000, 8086):
        assert f"localforward [127.0.0.1]:{port} [127.0.0.1]:{port}" in said
    plain = subprocess.run(["ssh", "-F", config, "-G", "rack"], capture_output=True, text=True, check=True).stdout
    assert "localforward" not in plain


def test_the_example_of_a_command_names_a_unit_of_a_node():
    found = re.search(r"journalctl -u (\S+)", ssh.EXAMPLES)
    assert found and list(ROLES.glob(f"*/templates/{found[1]}.service.j2"))


def test_nodes_are_listed_with_their_ways(tmp_path, capsys):
    file = written(tmp_path, "address: 192.168.1.11, ssh: {jump: me@gate.example.org}", "ssh: {tunnel_port: 20001}")
    assert cli.main(["nodes", str(file), "--ways"]) == 0
    assert capsys.readouterr().out == (
        "rack    server, 1 instrument; 192.168.1.11, by me@gate.example.org\n"
        "cellar  0 instruments; its tunnel, port 20001 of rack\n"
    )


@pytest.mark.parametrize(
    ("rack", "cellar", "told"),
    [
        ("address: a, ssh: {tunnel_port: 1}", "address: b", "is of the server"),
        ("address: a", "ssh: {tunnel_port: 20001, jump: rack}", "goes with no jump"),
        ("address: a, ssh: {jump: cellar}", "address: b, ssh: {jump: rack}", "round in a circle"),
        ("address: a, ssh: {jump: cellar}", "ssh: {tunnel_port: 20001}", "round in a circle"),
        (
            "address: a",
            "ssh: {tunnel_port: 20001}}\n  - {name: hut, ssh: {tunnel_port: 20001}",
            "is that of 'cellar' already",
        ),
        ("address: a", "address: b, ssh: {jump: -oProxyCommand=x}", "expected a node, or user@host:port"),
        ("address: a", "address: b, ssh: {user: 'a b'}", "expected a user's name"),
    ],
)
def test_ways_that_lead_nowhere_are_told(tmp_path, rack, cellar, told):
    with pytest.raises(BadInput, match=told):
        sites.load(written(tmp_path, rack, cellar))


def test_a_node_that_is_not_there_or_has_no_way_is_told(tmp_path, capsys):
    file = written(tmp_path, "address: a", "clock: unchecked")
    assert cli.main(["ssh", "--site", str(file), "celar"]) == 2
    assert "no node 'celar'" in capsys.readouterr().err
    assert cli.main(["ssh", "--site", str(file), "cellar"]) == 2
    assert "give it an address" in capsys.readouterr().err
    assert cli.main(["ssh", "rack", "--site", str(file)]) == 2
    assert "expected --site SITE before it" in capsys.readouterr().err
