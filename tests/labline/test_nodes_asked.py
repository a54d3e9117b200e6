"""What nodes say by ssh: real servers, one at the end of a tunnel, one behind a jump; who lets whom in, and what their shells say."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labline.live.nodes import NodeAnswer, NodeState, asked
from provisioning import site as sites
from provisioning import ssh_config
from provisioning.site import Site
from tests.parts.sftp import SftpServer

# `cellar` comes to the same place as `hut`: by a jump host that is no node.
SITE = """\
site: two-rooms
nodes:
  - {{name: rack, address: 127.0.0.1, ssh: {{user: {server.user}, port: {server.port}}}}}
  - {{name: hut, ssh: {{user: {node.user}, tunnel_port: {tunnel}}}}}
  - {{name: cellar, address: 127.0.0.1, ssh: {{user: {node.user}, port: {node.port}, jump: "{jump}"}}}}
influxdb: {{url: "http://192.168.1.11:8086"}}
instruments: [{{name: cryostat, driver: lakeshore_372, connection: "tcp://192.168.1.5:7777"}}]
"""
WELCOME = "echo Welcome to the lab"
Look = Callable[..., dict[str, NodeAnswer]]


class Machines:
    """A server and a node, who do first what lies in ``start`` of each, as with a .bashrc."""

    def __init__(self, folder: Path):
        self.starts = {}
        self.servers = []
        for name in ("server", "node"):
            self.starts[name] = folder / f"{name}.sh"
            self.starts[name].touch()
            self.servers.append(SftpServer(folder / name, f'. {self.starts[name]}; eval "$SSH_ORIGINAL_COMMAND"'))
        self.server, self.node = self.servers

    @property
    def known(self) -> dict[str, str]:
        """Give the lines of known_hosts, by whose they are."""
        key = self.node.known_hosts.read_text().partition(" ")[2]
        return {
            "rack": self.server.known_hosts.read_text(),
            "cellar": self.node.known_hosts.read_text(),
            "hut": f"hut {key}",
        }


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    if not shutil.which("ssh"):
        pytest.skip("there is no ssh here (Debian: openssh-client)")
    if not os.geteuid() and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("this root may not mount, and nobody has no shell")
    with tempfile.TemporaryDirectory(prefix="ssh-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # sshd is nobody's
        made = Machines(folder)
        try:
            yield made
        finally:
            for server in made.servers:
                server.stop()


def site(machines: Machines, tunnel: int = 0) -> Site:
    server, node = machines.server, machines.node
    jump = f"{server.user}@127.0.0.1:{server.port}"
    return sites.parse(SITE.format(server=server, node=node, tunnel=tunnel or node.port, jump=jump), "lab.yml")


def state(site: Site, name: str, answers: dict[str, NodeAnswer]) -> NodeState:
    (node,) = (node for node in site.nodes if node.name == name)
    return NodeState(node, node is site.server, "", 0.0, 0, answers[name])


@pytest.fixture
def look(machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Ask all with the keys, and the known hosts, that are named; who is asked something notes it in ``questions``."""
    usual = ssh_config.YOURS
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "ask").write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/questions\necho no\n')
    (tmp_path / "ask").chmod(0o755)
    monkeypatch.setenv("SSH_ASKPASS", str(tmp_path / "ask"))
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)

    def look(*, keys: str = "server node", known: str = "rack cellar hut", tunnel: int = 0) -> dict[str, NodeAnswer]:
        hosts = tmp_path / "known_hosts"
        hosts.write_text("".join(machines.known[name] for name in known.split()))
        lines = [f"UserKnownHostsFile {hosts}", "IdentitiesOnly yes"]
        lines += [f"IdentityFile {getattr(machines, name).key}" for name in keys.split()]
        monkeypatch.setattr(ssh_config, "YOURS", "".join(f"    {line}\n" for line in lines) + usual)
        return asked(site(machines, tunnel))

    return look


@pytest.mark.parametrize("start", ["", WELCOME, "printf 12", f"{WELCOME}; echo 1234567890"])
def test_a_node_tells_its_time_whatever_its_shell_says_before(machines, look, start):
    machines.starts["node"].write_text(start)
    answers = look()
    for name in ("rack", "hut", "cellar"):
        answer = answers[name]
        assert answer.problem == "" and answer.ahead is not None and abs(answer.ahead) < 5, name
    assert state(site(machines), "hut", answers).tunnel == "open"


def test_a_shell_that_says_something_else_is_told_with_its_words(machines, look):
    machines.starts["node"].write_text(f"{WELCOME}; echo This account is closed; exit 1")
    answers = look()
    assert answers["hut"].problem == "it said only 'This account is closed', and closed"
    assert state(site(machines), "hut", answers).tunnel == "open"  # one could log in
    machines.starts["node"].write_text("exit 1")
    assert look()["cellar"].problem == "it said nothing, and closed"


def test_where_the_server_lets_nobody_in_nothing_is_known_of_a_tunnel(machines, look):
    machines.starts["node"].write_text("")
    answers = look(keys="node")
    assert "Permission denied" in answers["rack"].problem
    assert answers["hut"].problem == "its tunnel ends on rack, where ssh did not get in"
    assert state(site(machines), "hut", answers).tunnel == ""
    assert "Permission denied" in answers["cellar"].problem  # its jump says so, before ssh says that it is gone


def test_a_server_that_gives_no_shell_may_still_lead_to_tunnels(machines, look):
    machines.starts["node"].write_text("")
    machines.starts["server"].write_text("exit 1")
    answers = look()
    machines.starts["server"].write_text("")
    assert answers["rack"].problem and answers["hut"].problem == ""


def test_a_tunnel_is_open_where_the_node_refuses_and_shut_where_nothing_is(machines, look):
    machines.starts["node"].write_text("")
    answers = look(keys="server")
    assert "Permission denied" in answers["hut"].problem and answers["rack"].problem == ""
    assert state(site(machines), "hut", answers).tunnel == "open"
    answers = look(known="rack cellar")
    assert answers["hut"].problem == "ssh says: Host key verification failed."
    assert state(site(machines), "hut", answers).tunnel == "open"
    answers = look(tunnel=1)
    assert answers["hut"].problem == "ssh says: channel 0: open failed: connect failed: Connection refused"
    assert state(site(machines, 1), "hut", answers).tunnel == "shut"


def test_nobody_is_asked_anything_on_the_way(machines, look, tmp_path):
    machines.starts["node"].write_text("")
    answers = look(known="cellar hut")
    assert answers["cellar"].problem == "ssh says: Host key verification failed."  # of its jump
    assert not (tmp_path / "questions").exists()
