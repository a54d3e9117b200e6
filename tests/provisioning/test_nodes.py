"""Several nodes: which instrument is whose, a folder for each, and what one's Telegraf is told."""

from __future__ import annotations

import tomllib

import pytest

from provisioning import files, site, telegraf_check, telegraf_config
from telegraf_inputs.errors import BadInput

TEXT = """\
site: spread
nodes:
  - {name: hall, address: 192.168.1.10}
  - {name: rack, address: 192.168.1.11, server: true}
  - {name: cellar, clock: unchecked}
influxdb: {url: "http://192.168.1.11:8086"}
instruments:
  - {name: cryostat, driver: lakeshore_372, connection: "tcp://192.168.1.5:7777"}
  - {name: vacuum, driver: pfeiffer_tpg, model: tpg262, connection: serial:///dev/ttyUSB0, node: cellar}
  - {name: bath, driver: julabo, connection: serial:///dev/ttyUSB1, node: cellar}
"""


@pytest.fixture
def spread(written):
    return site.load(written(TEXT))


@pytest.mark.parametrize(
    ("port", "whose"),
    [
        (3000, "Grafana's"),
        (8086, "InfluxDB's"),
        (8088, "InfluxDB's for backups"),
        (2222, "sshd's"),
        (8443, "the proxy's"),
    ],
)
def test_no_tunnel_ends_where_the_server_listens(written, port, whose):
    text = TEXT.replace("server: true", "server: true, ssh: {port: 2222}").replace(
        '8086"', '8086", write: {url: "https://192.168.1.11:8443", ca: /c}'
    )
    tunnel = "{name: cellar, ssh: {tunnel_port: %d}, "
    site.load(written(text.replace("{name: cellar, ", tunnel % 20001)))
    with pytest.raises(BadInput, match=rf"nodes\[2\].ssh.tunnel_port: {port} is {whose} on rack; expected a port"):
        site.load(written(text.replace("{name: cellar, ", tunnel % port)))


def test_an_instrument_is_read_by_its_node_or_the_first(spread):
    assert {node.name: [i.name for i in spread.of_node(node)] for node in spread.nodes} == {
        "hall": ["cryostat"],
        "rack": [],
        "cellar": ["vacuum", "bath"],
    }
    assert spread.server.name == "rack"


def test_the_first_node_is_the_server_unless_another_one_says_so(written):
    assert site.load(written(TEXT.replace(", server: true", ""))).server.name == "hall"


@pytest.mark.parametrize(
    ("connection", "well"),
    [
        ("serial:///dev/ttyUSB0", True),
        ("tcp://localhost:4001", True),
        ("tcp://192.168.1.7:4001", False),
        ("visa://TCPIP0::192.168.1.7::4001::SOCKET", False),
        ("visa://ASRL/dev/ttyUSB0::INSTR", True),
    ],
)
def test_each_node_has_ports_of_its_own_but_one_network(written, connection, well):
    channels = 'channels: {a: {read: {v: {query: "V?", unit: V, description: A voltage}}}}'
    supply = f'  - {{name: NAME, driver: scpi, connection: "{connection}", node: NODE, {channels}}}\n'
    head = TEXT.partition("  - {name: cryostat")[0]

    def two(first: str, second: str) -> site.Site:
        text = [supply.replace("NAME", name).replace("NODE", node) for name, node in (("a", first), ("b", second))]
        return site.load(written(head + "".join(text)))

    used = "is already used by 'a'; it serves one instrument"
    if well:
        two("hall", "cellar")
    else:
        with pytest.raises(site.BadSite, match=used):
            two("hall", "cellar")
    with pytest.raises(site.BadSite, match=used):
        two("hall", "hall")


def test_a_node_has_its_own_instruments_its_name_and_the_one_database(spread):
    made = files.render(spread)
    assert sorted(made) == [
        "cellar/telegraf/instruments/bath.yml",
        "cellar/telegraf/instruments/vacuum.yml",
        "cellar/telegraf/telegraf.conf",
        "hall/telegraf/instruments/cryostat.yml",
        "hall/telegraf/telegraf.conf",
        "rack/influxdb/schema.influxql",
        "rack/telegraf/telegraf.conf",
    ]
    for node in spread.nodes:
        conf = tomllib.loads(made[f"{node.name}/telegraf/telegraf.conf"])
        assert conf["agent"]["hostname"] == node.name
        assert conf["outputs"]["influxdb"][0]["urls"] == ["http://192.168.1.11:8086"]
        programs = conf["inputs"].get("execd", [])
        folders = {word for each in programs for word in each["command"] if word.startswith("/etc")}
        assert folders == ({"/etc/labline/telegraf/instruments"} if programs else set())
        stanzas = {name for name in made if name.startswith(f"{node.name}/telegraf/instruments/")}
        assert stanzas == {f"{node.name}/telegraf/instruments/{i.name}.yml" for i in spread.of_node(node)}
        unchecked = ["LABLINE_CLOCK=unchecked"] if node.clock == "unchecked" else None
        assert all(each.get("environment") == unchecked for each in programs)
        assert "node" not in "".join(text for name, text in made.items() if name.endswith(".yml"))


def test_telegraf_takes_the_configuration_of_every_node(spread, telegraf_path, monkeypatch):
    assert telegraf_check.check(spread, telegraf_path) == ""
    whole = telegraf_config._conf
    monkeypatch.setattr(
        telegraf_config,
        "_conf",
        lambda *given: whole(*given) + ("[[inputs.nothing]]\n" if given[1].name == "cellar" else ""),
    )
    assert telegraf_check.check(spread, telegraf_path).startswith("cellar: ")


def test_what_a_node_no_longer_has_goes_and_what_is_another_labs_stays(written, spread, tmp_path):
    folder = tmp_path / "rendered"
    other = site.load(
        written(
            TEXT.replace("site: spread", "site: other")
            .replace("name: cellar", "name: attic")
            .replace("node: cellar", "node: attic")
        )
    )
    files.write(folder, files.render(other))
    files.write(folder, files.render(spread))
    fewer = TEXT.replace("  - {name: cellar, clock: unchecked}\n", "").replace(", node: cellar", "")
    changed = files.write(folder, files.render(site.load(written(fewer))))
    assert {name for name, what in changed.items() if what == "no longer made"} == {
        "cellar/telegraf/instruments/bath.yml",
        "cellar/telegraf/instruments/vacuum.yml",
        "cellar/telegraf/telegraf.conf",
    }
    assert (folder / "attic/telegraf/telegraf.conf").exists() and (
        folder / "attic/telegraf/instruments/bath.yml"
    ).exists()
    alone = fewer.replace("  - {name: rack, address: 192.168.1.11, server: true}\n", "")
    files.write(folder, files.render(site.load(written(alone))))
    left = [path.relative_to(folder).as_posix() for path in folder.glob("**/*") if path.is_file()]
    assert sorted(name for name in left if not name.startswith("attic/")) == [
        "influxdb/schema.influxql",
        "telegraf/instruments/bath.yml",
        "telegraf/instruments/cryostat.yml",
        "telegraf/instruments/vacuum.yml",
        "telegraf/telegraf.conf",
    ]


def _agent(written, keys: str) -> dict:
    loaded = site.load(written(TEXT.replace("name: cellar,", f"name: cellar, {keys}")))
    conf = telegraf_config.render(loaded, loaded.nodes[2])[telegraf_config.CONF]
    return tomllib.loads(conf)["agent"]


@pytest.mark.parametrize(
    ("keys", "flush", "batch"),
    [
        ("", "1s", 5000),
        ("storage: disk,", "1s", 5000),
        ("storage: sd_card,", "10s", 5000),
        ("storage: sd_card, flush: 500ms,", "500ms", 5000),
        ("flush: 5s, batch: 200,", "5s", 200),
    ],
)
def test_how_often_a_node_writes_is_the_sites_to_say_and_a_card_is_spared(written, keys, flush, batch):
    agent = _agent(written, keys)
    assert (agent["flush_interval"], agent["metric_batch_size"]) == (flush, batch)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("flush: 11s,", r"nodes\[2\].flush: is 11 s, expected 100ms to 10s"),
        ("flush: 50ms,", r"nodes\[2\].flush: is 0.05 s, expected 100ms to 10s"),
        ("batch: 10,", r"nodes\[2\].batch: .*100"),
        ("storage: floppy,", r"nodes\[2\].storage: .*sd_card"),
    ],
)
def test_what_alarms_would_not_see_in_time_is_refused(written, keys, said):
    with pytest.raises(site.BadSite, match=said):
        _agent(written, keys)
