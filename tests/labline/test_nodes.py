"""How nodes are: what the database has of them, and what they say themselves; of what is wrong there is a line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labline import cli
from labline.live import node_table
from labline.live.nodes import NodeState, looked_at
from labline.stack.influxdb import InfluxDB
from provisioning import site as sites
from provisioning import ssh_config
from provisioning.influxdb_server import Server
from telegraf_inputs.errors import BadInput
from tests.conftest import Database

SITE = """\
site: two-rooms
nodes:
  - {{name: rack, address: 192.168.1.11, clock: unchecked}}
  - {{name: cellar, address: 192.168.1.12}}
  - {{name: hut, ssh: {{tunnel_port: 20001}}}}
influxdb: {{url: "http://192.168.1.11:8086", database: {database}}}
instruments: [{{name: cryostat, driver: lakeshore_372, connection: "tcp://192.168.1.5:7777"}}]
"""
# Stands for ssh and the nodes behind it: rack is well, the clock of cellar is an hour ahead, the tunnel of hut is shut.
SSH = """\
#!/bin/sh
for command; do node=$name; name=$command; done
ahead=0
case $node in
  hut) echo 'channel 0: open failed: connect failed: Connection refused' >&2; exit 255;;
  cellar) ahead=3600;;
esac
while read -r _; do echo labline-time:$(( $(date +%s%N) + ahead * 1000000000 )); done
echo labline-7.8.9
"""


Look = Callable[[], list[NodeState]]


@pytest.fixture
def look(tmp_path: Path, database: Database, influxd: InfluxDB, monkeypatch: pytest.MonkeyPatch) -> Look:
    """Look at three nodes that write to a real database, where ssh is ours."""
    influxd.server.query(f'CREATE RETENTION POLICY "raw" ON "{database.name}" DURATION INF REPLICATION 1')
    site = sites.parse(SITE.format(database=database.name), "lab.yml")
    (tmp_path / "ssh").write_text(SSH)
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    server = Server(database.url, database.reader, database.reader_password)
    return lambda: looked_at(site, server, by_ssh=True)


def heard(database: Database, node: str, age: float, waiting: int) -> None:
    at = time.time_ns() - int(age * 1e9)
    tags = f"host={node},site=two-rooms"
    database.write(f"internal_agent,{tags} metrics_gathered=7i {at}", "raw")
    database.write(f"internal_write,{tags},alias=database,output=influxdb buffer_size={waiting}i {at}", "raw")
    database.write(f"internal_write,{tags},alias=journal,output=file buffer_size=99i {at}", "raw")


def test_what_is_known_of_each_and_what_is_wrong(look: Look, database: Database) -> None:
    heard(database, "rack", 2, 0)
    heard(database, "cellar", 3, 4)
    heard(database, "hut", 1500, 12)
    rack, cellar, hut = look()
    assert rack.well and rack.heard and rack.waiting == 0 and rack.tunnel == ""
    assert rack.clock is not None and abs(rack.clock) < 1 and rack.answer and rack.answer.version == "7.8.9"
    assert cellar.heard and cellar.clock and abs(cellar.clock - 3600) < 1 and not cellar.well
    assert not hut.heard and hut.tunnel == "shut" and hut.clock is None and hut.waiting == 12 and not hut.well
    told = "\n".join(node_table.table([rack, cellar, hut]))
    assert "cellar: its clock is 60 min ahead of this machine's" in told
    assert "hut: not heard of for 25 min" in told and "hut: ssh says: channel 0: open failed" in told
    assert "rack: " not in told


def test_a_node_that_was_never_heard_of_and_one_from_the_future(look: Look, database: Database) -> None:
    heard(database, "hut", -600, 0)
    rack, _, hut = look()
    assert rack.age is None and not rack.well
    assert hut.clock and 590 < hut.clock <= 600 and not hut.well
    told = "\n".join(node_table.table([rack, hut]))
    assert "rack: nothing in the database is of it" in told and "hut: its clock is 10 min ahead" in told


def test_programs_get_it_as_json(look: Look, database: Database) -> None:
    heard(database, "hut", 1500, 12)
    said = json.loads(json.dumps(look()[2].described()))
    assert said["tunnel"] == "shut" and said["points_waiting"] == 12 and said["well"] is False
    assert "Connection refused" in said["problem"] and said["clock_ahead_seconds"] is None


def test_a_database_that_can_not_be_asked_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lab.yml"
    file.write_text(SITE.format(database="lab"))
    assert cli.main(["nodes", str(file), "--secrets", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path} has no file reader" in said and "name the folder with the password reader" in said
    assert cli.main(["nodes", str(file), "--ways", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["carried"] == 0 and [node["ssh"]["tunnel_port"] for node in said["nodes"]] == [0, 0, 20001]


def test_programs_are_told_which_passwords_a_node_needs() -> None:
    natives = [("air", "mqtt://10.0.0.9:1883"), ("water", "mqtt://10.0.0.9:1883"), ("fire", "sim")]
    more = "".join(
        f", {{name: {name}, node: hut, driver: mqtt, connection: '{url}', username: lab, password_file: broker_{url[:3]},"
        f" topic: '{name}/{{channel}}/{{quantity}}', channels: {{a: {{read: {{humidity: {{unit: '%'}}}}}}}}}}"
        for name, url in natives
    )
    text = SITE.format(database="lab").replace(':7777"}]', f':7777", node: rack}}{more}]')
    said = ssh_config.described(sites.parse(text, "lab.yml"))
    assert [node["secrets"] for node in said["nodes"]] == [{}, {}, {"broker_mqt": ["air", "water"]}]


def test_tunnels_carry_what_is_written_to_a_loopback_address() -> None:
    text = SITE.format(database="lab").replace("192.168.1.11:8086", "127.0.0.1:8086")
    with pytest.raises(BadInput, match="cellar writes there, too; .* or an ssh.tunnel_port"):
        sites.parse(text, "lab.yml")
    site = sites.parse(text.replace("address: 192.168.1.12", "ssh: {tunnel_port: 20002}"), "lab.yml")
    assert ssh_config.carried(site) == 8086
