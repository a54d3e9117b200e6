"""A private network of two machines, by the real wg-quick on WireGuard in user space: the kernel here may have none."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.ansible import left_by
from tests.parts import debian_host
from tests.parts.looked_at import looked_at
from tests.parts.site_machine import FROM_DEBIAN, Machine, changed, went_well

SERVER, NODE, PERSON = "10.90.0.1", "10.90.0.12", "10.90.0.101"
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], 22), 20).close(); print('open')"


class Star:
    """The machine as the server, and a node, with what the playbook said at each step."""

    def __init__(self, machine: Machine, node: debian_host.Host):
        self.machine, self.server, self.node = machine, machine.host, node
        self.variables: dict[str, object] = {
            "wireguard_address": f"{SERVER}/24",
            "wireguard_endpoint": machine.host.address,
            "labline_tokens": {"daq": machine.token, "cellar": machine.token},
            "wireguard_packages": ["wireguard-tools", "wireguard-go"],
        }
        self.alone = [self.run("--limit", "cellar", "--check")]
        self.asked = self.play("--check", "--diff")
        self.untouched = self.server.run("ls", "/etc/wireguard", check=False)
        self.alone.append(self.run("--limit", "cellar"))
        self.made = self.play("-vvv", "--diff")

    def run(self, *arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
        return self.machine.play("--tags", "wireguard", *arguments, **(self.variables | more))

    def play(self, *arguments: str, **more: object) -> str:
        return went_well(self.run(*arguments, **more))

    def show(self, what: str) -> str:
        """What the server's WireGuard knows: a line for each peer."""
        return self.server.run("wg", "show", "labline", what)


@pytest.fixture(scope="module")
def star(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Star]:
    folder = tmp_path_factory.mktemp("wireguard")
    with debian_host.or_skip(), debian_host.needed():
        root = debian_host.base(FROM_DEBIAN) / "root"
        node = debian_host.Host(machine._network, 3, root, folder / "node")
    sources = "/etc/apt/sources.list.d/debian.sources"
    node.path("/etc/apt/sources.list.d").mkdir(exist_ok=True)
    node.path(sources).write_text(machine.host.path(sources).read_text())
    for host in (machine.host, node):
        host.run("apt-get", "-qq", "update")
        host.run("sh", "-c", "mkdir -p /dev/net; test -e /dev/net/tun || mknod /dev/net/tun c 10 200")
    options = f"-o UserKnownHostsFile={node.known_hosts} -o GlobalKnownHostsFile=/dev/null"
    machine.others = {
        "cellar": {
            **machine.variables,
            "ansible_host": node.address,
            "ansible_ssh_private_key_file": str(node.key),
            "ansible_ssh_common_args": options,
            "labline_tokens": {"daq": machine.token, "cellar": machine.token},
            "wireguard_address": f"{NODE}/24",
            "wireguard_packages": ["wireguard-tools", "wireguard-go"],
        }
    }
    site = Path(str(machine.variables["labline_site_file"]))
    before = site.read_text()
    written = yaml.safe_load(before)
    written["nodes"].append({"name": "cellar"})
    for instrument in written["instruments"]:
        instrument["node"] = "daq"
    site.write_text(yaml.safe_dump(written))
    try:
        yield Star(machine, node)
    finally:
        site.write_text(before)
        machine.others = {}
        node.close()
        machine.host.run("systemctl", "disable", "--now", "wg-quick@labline.service", check=False)


def test_check_tells_and_does_nothing(star: Star) -> None:
    assert all(changed(star.asked).values()) and set(changed(star.asked)) == {"daq", "cellar"}
    assert "labline" not in star.untouched


def test_a_node_before_its_server_is_told(star: Star) -> None:
    for done in star.alone:
        said = " ".join(done.stdout.split())
        assert done.returncode and "and daq, the server, is not in it yet. Run site.yml for the server first" in said


def test_each_reaches_the_other_inside(star: Star) -> None:
    assert star.node.run("python3", "-c", CONNECT, SERVER).strip() == "open"
    assert star.server.run("python3", "-c", CONNECT, NODE).strip() == "open"
    assert star.show("allowed-ips").split()[1] == f"{NODE}/32"
    for host in (star.server, star.node):
        assert not left_by.faults(looked_at(host), "wireguard")


def test_no_key_is_shown_or_can_be_read_by_others(star: Star) -> None:
    for host in (star.server, star.node):
        key = host.path("/etc/wireguard/labline.key")
        assert key.stat().st_mode & 0o777 == 0o600 and key.read_text().strip() not in star.made
        assert "PrivateKey" not in host.path("/etc/wireguard/labline.conf").read_text()


def test_a_run_on_one_host_alone_changes_nothing_and_forgets_nobody(star: Star) -> None:
    again = star.play("--limit", "daq")
    assert changed(again) == {"daq": 0}, again
    assert f"{NODE}/32" in star.show("allowed-ips")


def test_people_come_and_go_and_nobody_is_disturbed(star: Star) -> None:
    star.node.run("python3", "-c", CONNECT, SERVER)
    unit = ("systemctl", "show", "--property=InvocationID", "wg-quick@labline.service")
    before = star.server.run(*unit)
    public = star.server.run("sh", "-c", "wg genkey | wg pubkey").strip()
    star.play(wireguard_people=[{"name": "anna", "address": PERSON, "public_key": public}])
    assert f"{public}\t{PERSON}/32" in star.show("allowed-ips")
    assert star.server.run(*unit) == before, "it began anew"
    assert all(int(line.split()[1]) for line in star.show("latest-handshakes").splitlines() if public not in line)
    assert star.show("public-key") == star.server.path("/etc/wireguard/labline.pub").read_text()
    assert star.node.run("python3", "-c", CONNECT, SERVER).strip() == "open"
    star.play()
    assert public not in star.show("allowed-ips") and f"{NODE}/32" in star.show("allowed-ips")


def test_who_is_to_have_no_address_is_taken_out_and_comes_back_alone(star: Star) -> None:
    unit, cellar = "wg-quick@labline.service", star.machine.others["cellar"]
    address, public = cellar["wireguard_address"], star.node.path("/etc/wireguard/labline.pub").read_text()
    cellar["wireguard_address"] = ""
    try:
        assert all(changed(star.play("--check")).values())
        assert star.node.run("systemctl", "is-active", unit).strip() == "active"
        star.play()
        assert star.node.run("systemctl", "is-active", unit, check=False).strip() == "inactive"
        assert star.node.run("systemctl", "is-enabled", unit, check=False).strip() == "disabled"
        assert not any(line.startswith("labline") for line in star.node.run("wg", "show", "interfaces").splitlines())
        assert star.node.run("ls", "/etc/wireguard").split() == ["labline.key", "labline.pub"]
        assert star.show("allowed-ips") == ""
        for arguments in ([], ["--check"]):
            assert changed(star.play(*arguments)) == {"daq": 0, "cellar": 0}
    finally:
        cellar["wireguard_address"] = address
    assert changed(star.play("--limit", "cellar", "--check"))["cellar"]
    assert star.show("allowed-ips") == ""
    star.play("--limit", "cellar")
    assert star.show("allowed-ips") == f"{public.strip()}\t{NODE}/32\n"
    assert star.node.run("python3", "-c", CONNECT, SERVER).strip() == "open"
    assert changed(star.play()) == {"daq": 0, "cellar": 0}
