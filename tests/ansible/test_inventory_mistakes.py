"""What is wrong with an inventory, as far as it is seen without a machine, is told with what to do about it; what is right passes."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.parts import local_inventory, packages
from tests.parts.local_inventory import SITE
from tests.parts.templates import rendered
from tools import wheels

ANSIBLE = Path(__file__).parents[2] / "ansible"
NODES = SITE.replace("{name: daq, address: hub.lab}", "{name: daq, address: hub.lab}, {name: hall}")
TUNNEL = NODES.replace("{name: hall}", "{name: hall, ssh: {tunnel_port: 20001}}")
HERE = SITE.replace("hub.lab:8086", "127.0.0.1:8086")
MQTT = SITE.replace(
    "bath: }}]",
    "bath: }}, {name: esp01, driver: mqtt, connection: 'mqtt://127.0.0.1:1883', username: lab, password_file: broker,"
    " topic: 'room/{channel}/{quantity}', channels: {air: {read: {humidity: {unit: '%'}}}}}]",
)
PROXY = SITE.replace(":8086'", ":8086', write: {url: 'https://hub.lab:8443', ca: /etc/labline/tls/ca.crt}")
ASK = """\
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import hold_variables as held
roles = held.of_roles(Path(sys.argv[2]))
options = {name: option for of_role in roles.values() for name, option in of_role.items()}
cases = json.load(sys.stdin)
json.dump({
    case: [*held.unknown(given, roles), *(
        told for name, value in given.items() if name in options for told in held.misfits(value, options[name], name)
    )] for case, given in cases.items()
}, sys.stdout)
"""
# Variables -> all that is told of them.
VARIABLES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "none": ({}, []),
    "a list that is a text": (
        {"telegraf_devices": "/dev/ttyUSB0"},
        ["telegraf_devices is a text, /dev/ttyUSB0, expected a list"],
    ),
    "ports": (
        {"proxy_port": "https", "crossbar_tls_port": "0", "tunnel_port": 70000, "base_open_ports": [443, "x"]},
        [
            "proxy_port is a text, https, expected a whole number",
            "crossbar_tls_port is a text, 0, expected a whole number: write 0 without quotes, on the command line as JSON",
            "tunnel_port is 70000, expected a port, 1 to 65535",
            "base_open_ports[1] is a text, x, expected a whole number",
        ],
    ),
    "truth values": (
        {"base_updates": "true", "base_open_ports": [True]},
        [
            "base_updates is a text, true, expected true or false: write True without quotes, on the command line as JSON",
            "base_open_ports[0] is true or false, true, expected a whole number",
        ],
    ),
    "nothing": (
        {"labline_tokens": None, "base_subnets": None, "backup_repository": None},
        [
            "labline_tokens is empty, expected a mapping",
            "base_subnets is empty, expected a list",
            "backup_repository is empty, expected a text",
        ],
    ),
    "secrets, which are not shown": (
        {"labline_secrets": "canary", "labline_tokens": ["canary"], "backup_password": 1234567890123},
        [
            "labline_secrets is a text, expected a mapping",
            "labline_tokens is a list, expected a mapping",
            "backup_password is a number, expected a text: write it in quotes",
        ],
    ),
    "what is inside": (
        {
            "labline_passwords": {"writter": "canary"},
            "backup_keep": {"daily": 1, "weekly": 1, "monthly": "all"},
            "wireguard_people": [{"name": "anna", "adress": "10.90.0.101", "public_key": "k"}],
        },
        [
            "labline_passwords has no writter; did you mean writer?",
            "backup_keep.monthly is a text, all, expected a whole number",
            "wireguard_people[0] has no adress; did you mean address?",
            "wireguard_people[0] lacks address",
        ],
    ),
    "names that are misspelt": (
        {"telegraff_devices": [], "datadrive_device": "", "mosquito_passwords": {}, "telegraf_device": []},
        [
            "no role knows datadrive_device; did you mean data_drive_device?",
            "no role knows mosquito_passwords; did you mean mosquitto_passwords?",
            "no role knows telegraf_device; did you mean telegraf_devices?",
            "no role knows telegraff_devices; did you mean telegraf_devices?",
        ],
    ),
    "the user's own": (
        {
            **{"vault_labadmin": "x", "vault_backup_password": "x", "vault_labline_tokens": {}, "site_at_once": 1},
            **{"my_wireguard_packages": [], "room": "B12", "vault_mosquitto_passwords": {}, "http_proxy": "x"},
        },
        [],
    ),
    "a text that YAML takes for a number": ({"base_watchdog": 14}, []),
}


@pytest.fixture(scope="module")
def told() -> dict[str, list[str]]:
    """What is told of each case."""
    given = {case: variables for case, (variables, _) in VARIABLES.items()}
    where = ANSIBLE / "action_plugins", ANSIBLE / "roles"
    found: dict[str, list[str]] = packages.asked("ansible-test", ASK, *where, given=given)
    return found


@pytest.mark.parametrize("case", VARIABLES)
def test_variables_are_held_against_what_the_roles_take(told: dict[str, list[str]], case: str) -> None:
    assert told[case] == VARIABLES[case][1]


KEY, OTHER_KEY = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=", "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="


def _private(**of_a_person: str) -> dict[str, Any]:
    """A private network with two people, of whom one is as given."""
    eve = {"name": "eve", "address": "10.90.0.102", "public_key": OTHER_KEY}
    people = [eve, {"name": "anna", "address": "10.90.0.101", "public_key": KEY} | of_a_person]
    return {"wireguard_address": "10.90.0.1/24", "wireguard_endpoint": "hub.lab", "wireguard_people": people}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a list that is a text": ({"variables": {"telegraf_devices": "/dev/ttyUSB0"}}, "/dev/ttyUSB0, expected a list"),
    "tokens that are empty": ({"variables": {"labline_tokens": None}}, "labline_tokens is empty, expected a mapping"),
    "a group that is misspelt": ({"mosquito": ["daq"]}, "the group mosquito (daq); did you mean mosquitto?"),
    "a server's group that is misspelt": ({"server": [], "servers": ["daq"]}, "(daq); did you mean server?"),
    "a host that the site file lacks": (
        {"nodes": ["daq", "hal"], "site": NODES},
        "/site.yml has no node hal, only daq, hall.",
    ),
    "one machine by another name": (
        {"server": ["pi"], "nodes": ["pi"]},
        "/site.yml has no node pi, only daq. A host is called in the inventory as the site file calls it",
    ),
    "a site file that another one is read in place of": (
        {"variables": {"labline_site_file": "{{ labline_clone }}/provisioning/sites/demo.yml"}},
        "/site.yml is there, and is not read: labline_site_file names one that comes with labline, "
        f"{ANSIBLE.parent}/provisioning/sites/demo.yml. Delete labline_site_file in",
    ),
    "a database that listens to its own machine alone": (
        {"variables": {"influxdb_address": "127.0.0.1:8086"}},
        "influxdb.url: http://hub.lab:8086, and there nothing would answer: on daq InfluxDB is to listen at 127.0.0.1:8086",
    ),
    "a database at an address of its own": (
        {"variables": {"influxdb_address": "192.168.1.11:8086"}},
        "is 192.168.1.11:8086, expected 127.0.0.1:PORT, or 0.0.0.0:PORT where other machines",
    ),
    "a database at another port": (
        {"site": HERE, "variables": {"influxdb_address": "127.0.0.1:8087"}},
        "at 127.0.0.1:8087 (influxdb_address). Write influxdb.url: http://127.0.0.1:8087",
    ),
    "a database by TLS": (
        {"site": SITE.replace("http:", "https:")},
        "at 0.0.0.0:8086 (influxdb_address), without TLS. Write influxdb.url: http://127.0.0.1:8086",
    ),
    "an instrument without its password": (
        {"site": MQTT, "variables": {"labline_secrets": {"ups": "canary"}}},
        "/site.yml has esp01 read with the password broker, which labline_secrets of daq lacks",
    ),
    "an instrument with an empty password": (
        {"site": MQTT, "variables": {"labline_secrets": {"broker": ""}}},
        "with the password broker, which labline_secrets of daq lacks, or has empty. Put it into the vault",
    ),
    "a password that the vault lacks": (
        {"site": MQTT, "variables": {"labline_secrets": {"broker": "{{ vault_broker }}"}}},
        "with the password broker, which labline_secrets of daq lacks",
    ),
    **{
        f"{name} as a password of {whose}": (
            {"site": PROXY, "variables": {"labline_tokens": {"daq": "x" * 20}, whose: {name: "canary"}}},
            f"{whose} of daq has {name}, and the file of that name is one of labline's own passwords",
        )
        for whose, name in [
            ("labline_secrets", "reader"),
            ("labline_secrets", "write_token"),
            ("grafana_secrets", "grafana_admin"),
        ]
    },
    "two passwords of one name": (
        {
            "variables": {
                "labline_secrets": {"mail": "canary", "x": "1"},
                "grafana_secrets": {"mail": "canary2", "x": "1"},
            }
        },
        "labline_secrets and grafana_secrets of daq both have mail, with different words, for one file",
    ),
    "the database's password for an instrument": (
        {"site": MQTT.replace("password_file: broker", "password_file: reader")},
        "instruments[1].password_file: 'reader' is the file of one of labline's own passwords",
    ),
    "data beside the data drive": (
        {"variables": {"data_drive_device": "LABEL=labline", "data_drive_path": "/proc"}},
        "influxdb_data is /var/lib/influxdb, which is not on it: let it be a folder such as /proc/influxdb",
    ),
    "a group of devices that is absent": (
        {"variables": {"telegraf_groups": ["i2c", "labline", "nowhere"]}},
        "daq has no group nowhere, which telegraf_groups names",
    ),
    "another server": (
        {"server": ["hall"], "nodes": ["daq", "hall"], "site": NODES},
        "/site.yml makes daq the server, and the inventory hall",
    ),
    "backups without a password": ({"variables": {"backup_repository": "/mnt/nas"}}, "/mnt/nas needs backup_password"),
    "backups with a short password": (
        {"variables": {"backup_repository": "/mnt/nas", "backup_password": "short"}},
        "/mnt/nas needs backup_password (12 characters",
    ),
    "backups to where a unit can't name": (
        {
            "variables": {
                "backup_repository": "/mnt/NAS Backup/lab",
                "backup_password": "x" * 12,
                "backup_files": ["/a%b"],
            }
        },
        '"/mnt/NAS Backup/lab", "/a%b" in backup_repository, backup_mount, backup_work or backup_files of daq has a blank',
    ),
    "backups of two files of one name": (
        {
            "variables": {
                "backup_repository": "/mnt/nas",
                "backup_password": "x" * 12,
                "backup_files": ["/etc/vpn/ca.key"],
            }
        },
        "backup_files of daq has two files of one name, or one named as one of the server's own keys",
    ),
    "a tunnel to nowhere": (
        {"nodes": ["daq", "hall"], "site": TUNNEL.replace(", address: hub.lab", "").replace("hub.lab", "127.0.0.1")},
        "hall is to hold a tunnel to daq, which has no address in the site file",
    ),
    "a tunnel at Grafana's port": ({"site": TUNNEL.replace("20001", "3000")}, "3000 is Grafana's on daq"),
    "a proxy at another port": (
        {
            "site": PROXY.replace("8443", "9443"),
            "variables": {"labline_tokens": {"daq": "x" * 20}},
        },
        "and proxy_port is 8443. Let the url have that port",
    ),
    "an address that is none": ({"variables": {"wireguard_address": "hello"}}, "is hello, expected an IPv4 address"),
    **{
        f"{case} of a person": ({"variables": _private(**person)}, expected)
        for case, person, expected in [
            (
                "the network's size",
                {"address": "10.90.0.101/24"},
                "anna has the address '10.90.0.101/24', expected one of",
            ),
            ("an address elsewhere", {"address": "10.9.0.101"}, "'10.9.0.101', expected one of 10.90.0.0/24"),
            ("a key that is cut off", {"public_key": KEY[:-9] + "="}, f"public_key '{KEY[:-9]}=', expected the 44"),
            ("a key with a letter too much", {"public_key": "a" + KEY}, "expected the 44 characters"),
            ("a key that no one makes", {"public_key": KEY[:-2] + "B="}, "expected the 44 characters"),
            ("a name that is a path", {"name": "../anna"}, "a name is '../anna', expected letters"),
            ("the key of another", {"name": "bea", "public_key": OTHER_KEY}, "bea has the public_key of eve"),
            ("the name of another", {"name": "eve"}, "eve has the name of eve. Give each person another one"),
        ]
    },
    "keys that are a text": (
        {"variables": {"base_users": {"anna": "ssh-ed25519 AAAA anna"}}},
        "expected a name of small letters and a list of public keys",
    ),
}


def _looked(folder: Path, given: dict[str, Any]) -> tuple[int, str]:
    written = {name: value for name, value in given.items() if name not in ("way", "environment", "sudo")}
    inventory = local_inventory.write(folder, **({"variables": {}} | written))
    more = given.get("environment", {}) | ({"sudo": given["sudo"]} if "sudo" in given else {})
    done = local_inventory.look(folder, inventory, SSH_CONNECTION=given.get("way", ""), **more)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told(tmp_path: Path, case: str) -> None:
    given, expected = WRONG[case]
    status, said = _looked(tmp_path, given)
    assert status and expected in said and "changed=0" in said, said
    assert "Traceback" not in said and "canary" not in said


def _passes(folder: Path, **given: Any) -> str:
    """Hold an inventory of the machine that this is against preflight's first half: what needs no Debian."""
    status, said = _looked(folder, given)
    asked = said.partition("Does the machine answer")
    assert asked[1] and "fatal" not in asked[0], said
    return said


def test_an_inventory_with_more_groups_and_variables_passes(tmp_path: Path) -> None:
    own = {"my_wireguard_packages": 1, "backup_repository": "/mnt/nas", "backup_password": "{{ vault_backup }}"}
    own |= {"vault_backup": "x" * 12, "telegraf_devices": "{{ ['/dev/i2c-1'] }}", "tls_names": ["{{ not_yet_known }}"]}
    own["__labline_archive"] = {"stdout": "what an earlier play of rotate.yml left"}
    assert "unreachable=0 failed=0" in _passes(tmp_path, variables=own, nodes1=["daq"], sheds=["daq"])


def test_who_becomes_root_on_all_machines_reads_the_site_file_as_oneself(tmp_path: Path) -> None:
    _passes(tmp_path, variables={"ansible_become": True, "ansible_become_exe": "/nowhere/sudo"})


def test_a_private_network_with_people_passes(tmp_path: Path) -> None:
    _passes(tmp_path, variables=_private(name="Anna_2.laptop"))


def test_a_node_that_the_inventory_lacks_is_noted(tmp_path: Path) -> None:
    assert "/site.yml has hall, and the group `nodes` has no such host" in _passes(tmp_path, site=NODES)


def test_a_node_with_a_tunnel_passes(tmp_path: Path) -> None:
    _passes(tmp_path, nodes=["daq", "hall"], site=TUNNEL)


@pytest.mark.parametrize(
    ("site", "address"),
    [
        (HERE, None),
        (HERE.replace(":8086", ":8087"), "localhost:8087"),
        (HERE, ":8086"),
        (SITE, "[::]:8086"),
        (SITE.replace("http://hub.lab:8086", "https://hub.lab:8087"), "127.0.0.1:8086"),  # by something of your own
    ],
)
def test_a_database_that_is_where_the_site_file_has_it_passes(tmp_path: Path, site: str, address: str | None) -> None:
    _passes(
        tmp_path, site=site, variables={"influxdb_address": address or "{{ __preflight_database.influxdb_address }}"}
    )


def test_an_instrument_with_its_password_passes(tmp_path: Path) -> None:
    _passes(tmp_path, site=MQTT, variables={"labline_secrets": {"broker": "canary"}})
    _passes(tmp_path, site=MQTT.replace("'mqtt://127.0.0.1:1883'", "sim"))
    _passes(tmp_path, site=MQTT.replace("broker", "write_token"), variables={"labline_secrets": {"write_token": "x"}})


@pytest.mark.parametrize(
    ("sudo", "variables", "expected"),
    [
        ("echo 'sudo: a password is required' >&2; exit 1", {}, "give it by --ask-become-pass (-K)"),
        ("exit 1", {"ansible_become_exe": "/nowhere/sudo"}, "Install sudo as root (`apt install sudo`"),
        ("shift 5; \"$@\" | sed 's/^0$/1000/'", {}, "who does not become root there: 1000"),
    ],
)
def test_who_does_not_become_root_is_told(tmp_path: Path, sudo: str, variables: dict[str, Any], expected: str) -> None:
    as_root = {"ANSIBLE_BECOME_ALLOW_SAME_USER": "True"}  # it asks sudo, too
    given = {"sudo": f"#!/bin/sh\n{sudo}\n", "variables": variables, "environment": as_root}
    status, said = _looked(tmp_path, given)
    assert status and expected in said and f"as {getpass.getuser()}, who does not become root there" in said, said


def test_an_example_is_read_where_there_is_no_site_file_of_one_s_own(tmp_path: Path) -> None:
    inventory = local_inventory.write(tmp_path, {"labline_site_file": f"{ANSIBLE.parent}/provisioning/sites/demo.yml"})
    (tmp_path / "site.yml").unlink()
    done = local_inventory.look(tmp_path, inventory)
    assert done.returncode == 0, done.stdout


def test_the_playbook_beside_the_example_inventory_is_taken_for_no_site_file(tmp_path: Path) -> None:
    given = {"ansible_connection": "local", "labline_clone": str(ANSIBLE.parent)}
    given |= {"labline_passwords": local_inventory.PASSWORDS}
    done = local_inventory.look(tmp_path, ANSIBLE / "inventory.example", "-e", json.dumps(given))
    assert done.returncode == 0, done.stdout


def test_another_site_file_than_the_one_beside_the_inventory_is_read(tmp_path: Path) -> None:
    (tmp_path / "trial.yml").write_text(NODES)
    said = _passes(tmp_path, variables={"labline_site_file": str(tmp_path / "trial.yml")})
    assert f"The site file {tmp_path}/trial.yml has hall, and" in said


def test_programs_of_one_s_own_are_not_in_the_way_unless_they_are_where_links_come(tmp_path: Path) -> None:
    folder, program = tmp_path / "opt", tmp_path / "labline"
    given = "-e", json.dumps({"__preflight_links": [str(folder), str(program)]})
    inventory = local_inventory.write(tmp_path, {})
    done = local_inventory.look(tmp_path, inventory, *given)
    assert done.returncode == 0, done.stdout
    program.symlink_to(tmp_path / "nowhere")
    folder.mkdir()
    done = local_inventory.look(tmp_path, inventory, *given, "--check")
    said = " ".join(done.stdout.split())
    assert done.returncode and f"daq has {folder} by hand, where this puts a link to programs of its own." in said, said
    assert f"Move it away there: `sudo mv {folder} {folder}-own`. Nothing was changed." in said
    program.unlink()
    program.touch()
    said = " ".join(local_inventory.look(tmp_path, inventory, *given).stdout.split())
    assert (
        f"Move them away there: `sudo mv {folder} {folder}-own` and `sudo mv {program} {program}-own`. Nothing" in said
    ), said


def test_who_comes_by_a_tunnel_is_not_shut_out(tmp_path: Path) -> None:
    subnets = {"variables": {"base_subnets": ["192.168.1.0/24"]}}
    for client, let_in in (("127.0.0.1", True), ("10.0.0.7", False)):
        status, said = _looked(tmp_path, subnets | {"way": f"{client} 40000 {client} 22"})
        assert (status == 0) == let_in, said
        assert (f"you come from {client}, which none of them has" in said) != let_in


def test_a_node_of_32_bits_is_told(tmp_path: Path) -> None:
    asked = tmp_path / "bin" / "file"  # by Python, to know what it itself is
    asked.parent.mkdir(exist_ok=True)
    asked.write_text("#!/bin/sh\necho 'ELF 32-bit LSB executable, ARM, EABI5'\n")
    asked.chmod(0o755)
    path = {"PATH": f"{asked.parent}:{os.environ['PATH']}"}
    status, said = _looked(tmp_path, {"site": NODES, "nodes": ["hall"], "environment": path})
    assert status and "hall has a 32-bit system" in said and "`labline image` prepares it" in said, said


def test_packages_are_there_for_the_machines_that_preflight_lets_in() -> None:
    said = yaml.safe_load((ANSIBLE / "roles" / "preflight" / "vars" / "main.yml").read_text())
    assert set(said["__preflight_architectures"]) == set(wheels.MACHINES.values())


def _key(folder: Path, name: str, password: str = "") -> str:
    """Make a key; gives its public half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", password, "-C", name, "-f", folder / name], check=True)
    return (folder / f"{name}.pub").read_text().strip()


@pytest.mark.parametrize(
    ("named", "wanted", "there", "let_in"),
    [
        ("mine", ["mine"], ["mine", "other"], True),
        ("mine", ["other"], ["mine", "other"], False),
        ("mine", ["other"], ["other"], True),  # another than the one that is named let you in
        ("shut", ["other"], ["shut", "other"], False),
        ("", ["other"], ["mine", "other"], True),
        ("", ["other"], ["#other", "mine"], False),
        ("", ["other"], [], True),  # by a password, or by keys from elsewhere
        ("none", ["other"], ["mine"], False),
    ],
)
def test_who_comes_by_a_key_is_not_shut_out(
    tmp_path: Path, named: str, wanted: list[str], there: list[str], let_in: bool
) -> None:
    keys = {name: _key(tmp_path, name, "password" if name == "shut" else "") for name in ("mine", "other", "shut")}
    keys["#other"] = f"# {keys['other']}"
    if there:
        (tmp_path / ".ssh").mkdir()
        taken = "".join(f"{'' if name[0] == '#' else 'restrict,pty '}{keys[name]}\n" for name in there)
        (tmp_path / ".ssh" / "authorized_keys").write_text(taken)
    people = {getpass.getuser(): [keys[name] for name in wanted]}
    variables = {"base_users": people} | ({"ansible_ssh_private_key_file": str(tmp_path / named)} if named else {})
    given = {"variables": variables, "way": "10.0.0.7 40000 10.0.0.7 22", "environment": {"HOME": str(tmp_path)}}
    status, said = _looked(tmp_path, given)
    assert (status == 0) == let_in and ("it would shut you out" in said) != let_in, said
    mine = named if named in there else "mine"
    assert let_in or keys[mine].split()[1] in said
    assert keys["other"].split()[1] not in said


def test_a_disk_of_the_server_is_not_looked_for_on_a_node(tmp_path: Path) -> None:
    drive = {"data_drive_device": "LABEL=labline-absent"}
    status, said = _looked(tmp_path, {"variables": drive, "site": NODES, "nodes": ["daq", "hall"]})
    assert status and "daq has no disk LABEL=labline-absent" in said and "hall has no disk" not in said


def test_the_database_may_be_on_the_data_drive_or_not_wait_for_it(tmp_path: Path) -> None:
    drive = {"data_drive_device": "LABEL=labline", "data_drive_path": "/proc"}
    for more in ({"influxdb_data": "/proc/influxdb"}, {"data_drive_services": []}):
        status, said = _looked(tmp_path, {"variables": drive | more})
        assert status == 0, said


@pytest.mark.parametrize(
    ("there", "wanted", "refused"),
    [
        (["old/data/lab"], "new", True),
        (["old/data/lab", "new/data/_internal", "new/meta"], "new", True),  # as the package's own first start leaves it
        (["old/data/lab", "new/data/lab"], "new", False),
        (["old/data/lab"], "old/", False),
        (["old/data/_internal"], "new", False),
        (["old"], "new", False),
        ([], "new", False),
    ],
)
def test_a_database_that_would_not_find_its_data_is_told(
    tmp_path: Path, there: list[str], wanted: str, refused: bool
) -> None:
    for folder in there:
        (tmp_path / folder).mkdir(parents=True)
    settings = tmp_path / "influxdb.conf"
    if there:
        settings.write_text(rendered("influxdb/influxdb.conf.j2", influxdb_data=str(tmp_path / "old")))
    variables = {"__influxdb_conf": str(settings), "influxdb_data": f"{tmp_path}/{wanted}"}
    look = {"name": "Look", "ansible.builtin.include_role": {"name": "influxdb", "tasks_from": "preflight"}}
    play = json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [look | {"vars": variables}]}])
    done = local_inventory.look(tmp_path, local_inventory.write(tmp_path, {}), play=play)
    said = " ".join((done.stdout + done.stderr).split())
    assert (done.returncode != 0) == refused and ("failed=1" in said) == refused, said
    assert (f"where there are no data, and the database has its own in {tmp_path}/old" in said) == refused, said


@pytest.mark.parametrize("book", ["site.yml", "rotate.yml", "upgrade.yml", "back.yml"])
def test_an_old_ansible_is_told_what_to_do(tmp_path: Path, book: str) -> None:
    inventory = local_inventory.write(tmp_path, local_inventory.NOWHERE)
    done = local_inventory.playbook(tmp_path, inventory, book, packages="ansible-old")
    said = " ".join(done.stdout.split())
    assert done.returncode and "This is ansible-core 2.14.18, expected 2.19 or newer. `make ansible`" in said, said
    assert "changed=0" in said and said.count("PLAY [") == 1


@pytest.mark.parametrize(
    "name", ["inventory.example", *(f"examples/{n}/inventory" for n in ("helium", "nodes", "tracker"))]
)
def test_the_examples_are_such_as_the_roles_know(tmp_path: Path, name: str) -> None:
    held = {"roles": str(ANSIBLE / "roles"), "groups": ["server", "nodes", "mosquitto", "crossbar"]}
    task = [{"name": "Hold", "hold_variables": held}]
    play = [{"name": "Look", "hosts": "all", "gather_facts": False, "tasks": task}]
    done = local_inventory.look(tmp_path, ANSIBLE / name, play=json.dumps(play))
    assert done.returncode == 0 and "ok=1" in done.stdout, done.stdout + done.stderr
    assert "WARNING" not in done.stderr


@pytest.fixture
def shut(tmp_path: Path) -> Path:
    """An inventory with a vault, whose password is in the file `right`."""
    inventory = local_inventory.write(tmp_path, local_inventory.NOWHERE)
    vault = inventory / "group_vars" / "all" / "vault.yml"
    vault.parent.mkdir(parents=True)
    vault.write_text("vault_labadmin: canary\n")
    (tmp_path / "right").write_text("canary of the vault")
    (tmp_path / "wrong").write_text("another")
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "vault", "encrypt", "--vault-password-file", tmp_path / "right", vault],
        env=packages.environment("ansible-test", ANSIBLE_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return inventory


@pytest.mark.parametrize(
    ("given", "expected"),
    [("", "There is no password for the vault"), ("wrong", "The password that was given is not that of the vault")],
)
def test_a_vault_that_does_not_open_is_told_with_what_to_do(
    tmp_path: Path, shut: Path, given: str, expected: str
) -> None:
    words = ["--vault-password-file", str(tmp_path / given)] if given else []
    done = local_inventory.playbook(tmp_path, shut, "site.yml", *words)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode and f"{expected} {shut}/group_vars/all/vault.yml" in said and "--ask-vault-pass" in said, (
        said
    )
    assert "TASK [" not in said


def test_a_vault_that_opens_is_read(tmp_path: Path, shut: Path) -> None:
    done = local_inventory.look(tmp_path, shut, "--vault-password-file", str(tmp_path / "right"))
    assert "Does the machine answer" in done.stdout, done.stdout + done.stderr
