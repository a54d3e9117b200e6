"""Scanning finds simulated instruments on their real lines, sends only what is on the list, and disturbs nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from labline import cli
from labline.scanning import devices, ports, probes
from telegraf_inputs import drivers, simulators, transports
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.errors import Disconnected
from telegraf_inputs.source import Polled
from telegraf_inputs.url import Url


@pytest.fixture
def simulated():
    """Give a function that starts a driver's simulator, with keys of the stanza changed; gives the simulator."""
    running = []

    def start(name: str, **keys):
        data = {**yaml.safe_load(drivers.load(name).example), **keys, "connection": "sim:"}
        settings = {"transport": keys.pop("transport")} if "transport" in keys else {}
        data.pop("transport", None)
        running.append(simulators.start(stanzas.check(data), **settings))
        return running[-1]

    yield start
    for simulator in running:
        simulator.stop()


def pasted(text: str) -> list[stanzas.Stanza]:
    """Read the stanzas of a scan's output as the site file would."""
    entries = [line for line in text.splitlines() if line.startswith(("  - ", "    "))]
    return [stanzas.check(data) for data in yaml.safe_load("\n".join(entries)) or []]


@pytest.mark.parametrize(
    ("driver", "keys"),
    [
        ("pfeiffer_tpg", {"model": "tpg262"}),
        ("pfeiffer_tpg", {"model": "tpg366"}),
        ("pfeiffer_tpg", {"model": "tpg361", "channels": {"1": None}}),
        ("julabo", {}),
        ("julabo", {"model": "corio", "channels": dict.fromkeys(("bath", "setpoint", "heater", "circulator"))}),
        ("lakeshore_372", {}),
        ("lakeshore_240", {"model": "240-2p"}),
        ("lakeshore_218", {}),
        ("lakeshore_336", {}),
        ("lakeshore_336", {"model": "224", "channels": {"A": None, "B": None}}),
    ],
)
def test_an_instrument_is_found_and_its_stanza_can_be_pasted(simulated, driver, keys):
    url = simulated(driver, **keys).url
    (finding,) = ports.named([url], True)
    (stanza,) = pasted(finding.text())
    assert (stanza.driver.name, str(stanza.connection)) == (driver, url)
    wanted = {key: value for key, value in keys.items() if key in stanza.options and driver != "julabo"}
    assert {key: stanza.options[key] for key in wanted} == wanted
    assert {c.id for c in stanza.channels} == set(keys.get("channels", {c.id for c in stanza.channels}))


def test_an_unknown_scpi_instrument_gets_a_stanza_to_fill_in(simulated):
    url = simulated("scpi").url
    (finding,) = ports.named([url], True)
    (stanza,) = pasted(finding.text())
    assert stanza.driver.name == "scpi" and stanza.options["identity"] in finding.what


def test_a_silent_port_says_so(simulated):
    simulator = simulated("julabo")
    simulator.fault = "silent"
    asked = []
    simulator.answer = asked.append
    (finding,) = ports.named([simulator.url], True)
    assert not finding.stanza and "nothing that a driver knows answers" in finding.text()
    assert sum("AYT" in request for request in asked) <= probes.ATTEMPTS, "one model's silence is all models'"


def test_nothing_is_sent_without_probing(simulated):
    simulator = simulated("julabo")
    simulator.answer = lambda request: pytest.fail(f"was asked {request!r}")
    (finding,) = ports.named([simulator.url], False)
    assert not finding.stanza


def test_what_is_not_on_the_list_is_not_sent(simulated):
    driver = drivers.load("julabo")
    url = simulated("julabo").url
    stanza = stanzas.check({**yaml.safe_load(driver.example), "connection": url})
    link = driver.open_link(stanza.connection, stanza, probes.Stop())
    probes._only_allowed(link, driver.wire.send)
    assert link.query("VERSION").startswith("JULABO")
    with pytest.raises(probes.NotAllowed):
        link.send("OUT_MODE_05 0")
    link.close()


def test_a_port_that_is_open_elsewhere_is_left_alone(simulated):
    device = simulated("julabo").url.removeprefix("serial://")
    script = "import sys; f = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, device], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        (finding,) = ports.named([f"serial://{device}"], True)
        assert f"left alone: process {other.pid}" in finding.text()
        other.stdin.close()


def test_a_port_that_is_not_there_or_not_ours_says_why(tmp_path):
    (finding,) = ports.named([str(tmp_path / "ttyUSB7")], True)
    assert "can't be opened" in finding.text() and "No such file" in finding.text()


def test_that_ports_are_forbidden_is_said_once(monkeypatch, capsys):
    def refused(url):
        raise Disconnected(f"{url}: could not open port: [Errno 13] Permission denied")
        yield

    monkeypatch.setattr(probes, "probe", refused)
    assert cli.main(["scan", "--port", "tcp://a:1", "--port", "tcp://b:1"]) == 1
    said = capsys.readouterr()
    assert said.out.count("Permission denied") == 2 and said.err.count("usermod") == 1


@pytest.mark.parametrize("name", [os.devnull, __file__])
def test_what_is_no_port_is_left_alone(name):
    (finding,) = ports.named([name], True)
    assert "left alone: it is no serial port" in finding.text()


@pytest.mark.parametrize("server", ["h:abc", "h:99999", ""])
def test_a_phidget_server_that_is_no_address_is_wrong_use(server, capsys):
    assert cli.main(["scan", "--no-probe", "--phidget-server", server]) == 2
    assert "must name a host and a port" in capsys.readouterr().err


SAY_NOT_WHO = {"arduino_adc", "tcp_lines"}  # nothing that they are asked tells them from others


def test_every_driver_of_a_line_is_probed():
    polled = [driver for driver in map(drivers.load, drivers.programs()) if issubclass(driver, Polled)]
    lines = {driver.name for driver in polled if any(transports.load(s).carries_text for s in driver.schemes)}
    assert {driver.name for driver, _ in probes.known()} == lines - SAY_NOT_WHO
    assert [probe.generic for _, probe in probes.known()] == [False] * (len(probes.known()) - 1) + [True]


def test_a_scan_sends_what_sets_nothing_in_any_instrument():
    """A new entry here is a question that was looked up in the manual of every instrument that a driver is for."""
    assert probes.allowed() == {b"*IDN?", b"AYT", b"PNR", b"VERSION", b"\x05"}


def test_phidgets_on_a_network_server(simulated):
    simulator = simulated("phidget")
    server = simulator.url.removeprefix("phidget://").partition("/")[0]
    *_, finding = devices.all(drivers.load("phidget"), [Url(f"phidget://{server}")])
    (stanza,) = pasted(finding.text())
    assert stanza.label in finding.what
    assert {c.options["class"] for c in stanza.channels} >= {"TemperatureSensor", "HumiditySensor"}
    assert str(stanza.connection).startswith(f"phidget://{server}/")


def test_thermometers_on_the_bus(simulated, monkeypatch):
    folder = simulated("ds18b20").url.removeprefix("file://")
    driver = drivers.load("ds18b20")
    monkeypatch.setattr(sys.modules[driver.__module__], "DEVICES", folder)
    (finding,) = devices.all(driver)
    assert "thermometer on a 1-Wire bus, 2 channels" in finding.what
    (stanza,) = pasted(finding.text())
    assert sorted(c.options["id"] for c in stanza.channels) == sorted(
        n for n in os.listdir(folder) if n.startswith("28-")
    )


def test_cameras_at_usb(tmp_path, monkeypatch):
    for name in ("usb-Maker_Cam_7-video-index0", "usb-Maker_Cam_7-video-index1", "usb-046d_0825-video-index0"):
        (tmp_path / name).touch()
    driver = drivers.load("camera")
    monkeypatch.setattr(sys.modules[driver.__module__], "DEVICES", str(tmp_path))
    found = list(devices.all(driver))
    assert [finding.what.partition(" (")[0] for finding in found] == ["046d 0825", "Maker Cam 7"]
    (stanza,) = pasted(found[1].text())
    assert f"{tmp_path}/usb-Maker_Cam_7-video-index0" in stanza.options["arguments"]


def test_two_of_a_kind_get_names_of_their_own(simulated, capsys):
    arguments = cli.parser().parse_args(["scan", *(f"--port={simulated('julabo').url}" for _ in range(3))])
    assert arguments.run(arguments) == 0
    assert [s.name for s in pasted(capsys.readouterr().out)] == ["chiller", "chiller_2", "chiller_3"]


def test_a_server_at_which_no_driver_looks_is_wrong_use(capsys):
    assert cli.main(["scan", "--no-probe", "--server", "tcp://192.168.1.5"]) == 2
    assert "no driver looks at servers of tcp://192.168.1.5; expected a URL of phidget" in capsys.readouterr().err


def test_what_can_not_be_looked_at_is_told_and_takes_nothing_along(monkeypatch):
    monkeypatch.setattr(drivers.load("phidget"), "find", lambda: (_ for _ in ()).throw(ImportError("no Phidget22")))
    assert list(devices.all(drivers.load("phidget"))) == ["Phidget sensors, every class: not looked at: no Phidget22"]


def test_nothing_of_a_scan_names_a_driver():
    """Else the next driver that finds its devices would need a line here."""
    for file in Path(devices.__file__).parent.glob("*.py"):
        assert not [name for name in drivers.programs() if name in file.read_text()], file
