"""The example with a broker as it stands: from a bare Debian to the last reading in the database, and who may do what there."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ansible import left_by
from tests.parts import debian_host, example_machine
from tests.parts.example_machine import TLS, Example
from tests.parts.looked_at import looked_at
from tests.parts.site_machine import ROOT, archives, changed, went_well
from tools import wheels

PATIENCE = 120.0  # seconds until all is in the database; never reached where all is well
TLS_PORT, TICKET = 8444, "canary-ticket-q'\\x"  # of the router of the bus
AIR = {"temp": 21.37, "humi": 42.5}
# What goes wrong in an inventory of the broker -> what is told.
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a user without a password": (
        {"mosquitto_rights": {"esp02": {"write": ["ESP02/#"]}}},
        "names esp02, and mosquitto_passwords has no such user, only esp01, lab",
    ),
    "a right that there is not": (
        {"mosquitto_rights": {"lab": {"reads": ["#"]}}},
        "expected {read: [TOPICS], write: [TOPICS]}",
    ),
    "a password that is too short": ({"mosquitto_passwords": {"lab": "short"}}, "shorter than 12 characters"),
}


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """A bare host for the example with a broker, and simulators of what is no sensor of the broker's."""
    folder = tmp_path_factory.mktemp("tracker")
    with ExitStack() as undo:
        with debian_host.or_skip():
            made = undo.enter_context(example_machine.example("tracker", folder))
        # The same machine is the router of a bus, too. Its packages are gathered with a network, as a user has.
        wheels.archive(debian_host.PYTHON, wheels.MACHINES[platform.machine()], archives(folder), "crossbar")
        (made.inventory / "crossbar.yml").write_text(yaml.safe_dump({"crossbar": {"hosts": {made.node: {}}}}))
        made.variables |= {"crossbar_tls_port": TLS_PORT, "crossbar_tickets": {"reader": TICKET}}
        board = {"esp01": {"connection": f"mqtts://{made.host.address}:8883", "ca": f"{TLS}/ca.crt"}}
        urls = undo.enter_context(example_machine.simulators(folder, made.host, "tracker", but=tuple(board)))
        made.use(board | {instrument: {"connection": url} for instrument, url in urls.items()})
        yield made


@pytest.fixture(scope="module")
def told(tracker: Example) -> dict[str, str]:
    """What the playbook says: on the bare machine with --check, at work, and on the machine that is done."""
    said = {"asked": went_well(tracker.play("--check", "--diff"))}
    said["made"] = went_well(tracker.play("-vvv", "--diff"))
    said["again"] = went_well(tracker.play())
    return said


def _client(tracker: Example, user: str, password: str = "", **wanted: object) -> dict[str, Any]:
    """Be a client of the broker, from outside the machine, by TLS."""
    known = {"host": tracker.host.address, "port": 8883, "ca": str(tracker.host.path(f"{TLS}/ca.crt")), "user": user}
    password = password or tracker.passwords.get(f"vault_mqtt_{user}", "")
    return example_machine.mqtt(tracker.network, **known, password=password, **wanted)


def _board_says(tracker: Example, air: dict[str, float]) -> None:
    messages = [[f"ESP01/sensors/BME/{quantity}", str(value)] for quantity, value in air.items()]
    messages += [["ESP01/sensors/CCS/co2", "512"], ["ESP01/sensors/CCS/tvoc", "7"]]
    said = _client(tracker, "esp01", publish=messages)
    assert set(said["published"]) <= {"Success", "No matching subscribers"}, said


def _air(tracker: Example) -> dict[str, object]:
    (esp01,) = (one for one in tracker.site.enabled if one.name == "esp01")
    measurement = esp01.stanza.find("BME").measurement
    values = tracker.newest(*(("esp01", "BME", measurement, quantity) for quantity in AIR))
    return dict(zip(AIR, values, strict=True))


@pytest.mark.parametrize("wrong", WRONG)
def test_what_the_broker_can_not_have_is_told_before_anything_is_changed(tracker: Example, wrong: str) -> None:
    variables, expected = WRONG[wrong]
    done = tracker.play("--tags", "mosquitto", **variables)
    said = " ".join(done.stdout.split())
    assert done.returncode != 0 and expected in said, done.stdout + done.stderr
    assert "changed=0" in said and "PLAY [Put the site" not in said


def test_tracker_has_the_last_reading_of_each_instrument(tracker: Example, told: dict[str, str]) -> None:
    # Again and again, as boards do: Telegraf may just have started.
    tracker.all_arrives(PATIENCE, lambda: _board_says(tracker, AIR))
    assert _air(tracker) == AIR


def test_who_has_no_right_gets_nothing_from_the_broker(tracker: Example, told: dict[str, str]) -> None:
    assert _client(tracker, "")["connected"] == "Not authorized"
    assert _client(tracker, "esp01", "another-password")["connected"] == "Not authorized"
    elsewhere = _client(tracker, "esp01", publish=[["ESP02/sensors/BME/temp", "1"]])
    assert elsewhere["published"] == ["Not authorized"]
    reader = _client(tracker, "lab", publish=[["ESP01/sensors/BME/temp", "1"]])
    assert reader["published"] == ["Not authorized"]
    spied = _client(tracker, "esp01", subscribe="#", publish=[["ESP01/spied", "1"]], seconds=1)
    assert spied["published"] == ["Success"] and spied["received"] == []


def test_the_broker_keeps_what_comes_while_telegraf_is_away(tracker: Example, told: dict[str, str]) -> None:
    _board_says(tracker, AIR)
    tracker.host.run("systemctl", "stop", "labline-telegraf.service")
    away = {quantity: value + 1 for quantity, value in AIR.items()}
    _board_says(tracker, away)
    tracker.host.run("systemctl", "restart", "mosquitto.service")
    tracker.host.run("systemctl", "start", "labline-telegraf.service")
    deadline = time.monotonic() + PATIENCE
    while (found := _air(tracker)) != away:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def test_who_reads_from_the_broker_gets_another_password_and_no_message_is_lost(
    tracker: Example, told: dict[str, str]
) -> None:
    before, said = tracker.passwords, []
    with ThreadPoolExecutor() as beside:
        rotating = beside.submit(tracker.play, "-vv", book="rotate.yml")
        while not rotating.done():
            said.append(20 + len(said) / 100)
            _board_says(tracker, {"temp": said[-1]})
    output = went_well(rotating.result())
    now = tracker.read_vault()
    ours = {f"vault_{user}" for user in ("labadmin", "writer", "reader", "grafana_admin", "mqtt_lab")}
    assert {name for name in now if now[name] != before[name]} == ours
    assert "Devices keep their own: esp01" in " ".join(output.split())
    assert _client(tracker, "lab", before["vault_mqtt_lab"])["connected"] == "Not authorized"
    deadline = time.monotonic() + PATIENCE
    while missing := set(said) - _temperatures(tracker):
        assert time.monotonic() < deadline, f"{min(missing)} to {max(missing)}\n" + tracker.host.run(
            "journalctl", "-n", "200", "--no-pager"
        )
        time.sleep(0.2)
    tracker.nothing_shown({"rotated": output})
    assert not [word for name, word in now.items() if name in ours and word in output]


def _temperatures(tracker: Example) -> set[object]:
    (answer,) = tracker.query('SELECT "temp" FROM "raw"./.*/ WHERE "instrument" = \'esp01\'')
    return {value for series in answer.get("series", ()) for _, value in series["values"]}


def test_another_password_closes_nobody_elses_connection(tracker: Example, told: dict[str, str]) -> None:
    started = "systemctl show --property ActiveEnterTimestampMonotonic mosquitto.service"
    before = tracker.host.run(*started.split())
    former, tracker.passwords["vault_mqtt_esp01"] = tracker.passwords["vault_mqtt_esp01"], "canary-the-next-one"
    passwords = {user: tracker.passwords[f"vault_mqtt_{user}"] for user in ("lab", "esp01")}
    said = went_well(tracker.play("--tags", "mosquitto", "--diff", mosquitto_passwords=passwords))
    assert sum(changed(said).values()) == 2 and "canary" not in said  # the file, and that the broker reads it
    _board_says(tracker, AIR)
    assert _client(tracker, "esp01", former)["connected"] == "Not authorized"
    assert tracker.host.run(*started.split()) == before


def test_tracker_is_told_true_and_shut_in(tracker: Example, told: dict[str, str]) -> None:
    assert sum(changed(told["asked"]).values()) > 10
    assert sum(changed(told["again"]).values()) == 0, told["again"]
    for unit in ("mosquitto.service", "labline-crossbar.service", "labline-telegraf.service"):
        assert tracker.host.exposure(unit) <= 2.0
    assert not left_by.faults(looked_at(tracker.host), "mosquitto", "crossbar", "labline", "influxdb", "telegraf")
    tracker.nothing_shown(told)


@pytest.fixture(scope="module")
def bus(tracker: Example, told: dict[str, str]) -> Iterator[Example]:
    """The machine, whose router has an agent that says 1.25."""
    command = [*tracker.host.enter(), sys.executable, "-m", "tests.parts.wamp_agent"]
    command += ["ws://127.0.0.1:8001/ws", "test_realm", "observatory.agent.feeds.one", "1.25"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdin and agent.stdout
        assert agent.stdout.readline() == "joined\n"
        yield tracker
        agent.stdin.close()


def _listen(bus: Example, folder: Path, ticket: str) -> str:
    """Listen to the bus from outside the machine; gives the points of a reading, and what is told."""
    (folder / "ticket").write_text(ticket)
    stanza = {
        "name": "agent",
        "driver": "ocs_feed",
        "connection": f"wss://{bus.host.address}:{TLS_PORT}/ws?ca={bus.host.path(TLS)}/ca.crt",
        "agent": "agent",
        "user": "reader",
        "password_file": str(folder / "ticket"),
        "interval": "1s",
    }
    (folder / "agent.yml").write_text(yaml.safe_dump(stanza))
    command = [*bus.network.enter(), sys.executable, "-m", "telegraf_inputs.drivers.ocs_feed"]
    done = subprocess.run(
        [*command, "--config", folder / "agent.yml", "--once"], cwd=ROOT, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_who_has_a_ticket_hears_the_bus_and_nobody_else(bus: Example, tmp_path: Path) -> None:
    assert "value=1.25" in (said := _listen(bus, tmp_path, TICKET)), said
    assert "refused" in (said := _listen(bus, tmp_path, "another-ticket")), said
    plainly = ["bash", "-c", f"</dev/tcp/{bus.host.address}/8001"]
    assert b"refused" in subprocess.run([*bus.network.enter(), *plainly], capture_output=True).stderr
