"""A lab whose instruments Telegraf reads itself, from real servers: an SNMP agent, a Modbus server, a broker, an OPC UA server, a file."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

import provisioning.site
from labline.lab import Lab
from labline.live.watch import Watch
from labline.places import Places
from labline.stack import credentials
from tests.grafana_dashboards.conftest import Viewer, until
from tests.parts import modbus, mqtt, opcua, snmp

UPS = "1.3.6.1.2.1.33.1.2.4.0|2|98\n1.3.6.1.2.1.33.1.3.3.1.3.1|2|2310\n1.3.6.1.2.1.33.1.4.1.0|2|3\n"
SITE = """\
site: natives
nodes: [{{name: daq}}]
instruments:
  - name: ups
    driver: snmp
    connection: udp://127.0.0.1:{agent.port}
    user: {snmp.USER}
    auth_password_file: ups_auth
    privacy_password_file: ups_privacy
    context: ups
    interval: 1s
    timeout: 2s
    stale: 3s
    channels:
      battery:
        label: Battery
        read:
          charge: {{oid: 1.3.6.1.2.1.33.1.2.4.0, unit: "%", low: 0, high: 100, description: Charge that is left}}
          absent: {{oid: 1.3.6.1.2.1.33.1.2.7.0, unit: °C}}
        limits: {{charge: {{warning: {{below: 50 %}}}}}}
      input:
        read: {{voltage: {{oid: 1.3.6.1.2.1.33.1.3.3.1.3.1, unit: V, scale: 0.1, low: 0}}}}
      output:
        read:
          source:
            oid: 1.3.6.1.2.1.33.1.4.1.0
            unit: ""
            type: int
            choices: {{3: mains, 5: {{word: battery, severity: warning}}}}
  - name: plant
    driver: modbus
    connection: tcp://127.0.0.1:{plant.port}
    byte_order: CDAB
    interval: 1s
    timeout: 2s
    stale: 3s
    tags: {{circuit: CO2}}
    channels:
      TT01:
        label: CO₂ at the inlet
        read: {{temperature: {{address: 126, format: float32, unit: °C, low: -60, high: 60}}}}
        calibration: {{form: linear, a: 0.5, b: 2, of: temperature}}
      pump:
        read:
          running: {{address: 310, format: bit, bit: 2, unit: "", type: bool}}
          alarm: {{address: 310, format: bit, bit: 3, unit: "", type: bool}}
      valve:
        read: {{open: {{register: coil, address: 1, unit: "", type: bool}}}}
  - name: esp
    driver: mqtt
    connection: mqtts://127.0.0.1:{broker.tls_port}
    username: {mqtt.READER}
    password_file: broker
    ca: {broker.ca}
    interval: 1s
    timeout: 2s
    stale: 3s
    topic: ESP01/sensors/{{channel}}/{{quantity}}
    channels:
      BME:
        read:
          temp: {{unit: °C, low: -40, high: 85}}
          humi: {{unit: "%", low: 0, high: 100}}
      "*":
        read: {{temp: {{unit: °C, low: -40, high: 85}}}}
      julabo:
        topic: julabo/status
        time: at
        read:
          bath: {{path: internal_temp, unit: °C}}
          external: {{path: ext_is_used, unit: "", type: bool}}
          sensor: {{path: external_temp, unit: °C}}
      nodered:
        topic: julabo/nodered
        read:
          temp: {{path: payload.sensors.id=BME.temp, unit: °C, decimal_comma: true}}
          heater: {{path: payload.heaters.1.on, unit: "", type: bool}}
  - name: plc
    driver: opcua
    connection: {plc.url}
    username: operator
    password_file: plc
    interval: 1s
    timeout: 2s
    stale: 3s
    channels:
      tank:
        read:
          level: {{node: "ns=2;s=Level", unit: "%", low: 0, high: 100}}
          filling: {{node: "nsu=urn:lab;s=Filling", unit: "", type: bool}}
  - name: gpus
    driver: telegraf
    interval: 1s
    stale: 3s
    input:
      file: {{files: [{gpus}], data_format: influx}}
    channels:
      left:
        measurement: nvidia_smi
        tags: {{index: "0"}}
        read: {{load: {{field: utilization_gpu, unit: "%", type: int, low: 0, high: 100}}}}
      right:
        measurement: nvidia_smi
        tags: {{index: "1"}}
        read: {{load: {{field: utilization_gpu, unit: "%", type: int, low: 0, high: 100}}}}
"""


@dataclass
class Servers:
    """What the instruments are."""

    agent: snmp.Agent
    plant: modbus.Plant
    broker: mqtt.Broker
    plc: opcua.Plc
    gpus: Path

    def publish(self) -> None:
        """Let the sensors speak once."""
        now = datetime.now(UTC)
        self.broker.publish("ESP01/sensors/BME/temp", "21.50")
        self.broker.publish("ESP01/sensors/BME/humi", "40")
        self.broker.publish("ESP01/sensors/attic/temp", "17.5")
        self.broker.publish(
            "julabo/status",
            json.dumps({"internal_temp": 12.25, "ext_is_used": False, "external_temp": 12.5, "at": now.isoformat()}),
        )
        payload = {"sensors": [{"id": "CCS"}, {"id": "BME", "temp": "21,75"}], "heaters": [{}, {"on": False}]}
        self.broker.publish("julabo/nodered", json.dumps({"payload": json.dumps(payload)}))

    def stop(self) -> None:
        """Stop all."""
        for server in (self.agent, self.plant, self.broker, self.plc):
            server.stop()
        self.gpus.unlink(missing_ok=True)

    def start(self) -> None:
        """Start all anew."""
        for server in (self.agent, self.plant, self.broker, self.plc):
            server.start()
        self.fill_gpus()

    def fill_gpus(self) -> None:
        """Write what the input `file` reads."""
        self.gpus.write_text("nvidia_smi,index=0 utilization_gpu=12i\nnvidia_smi,index=1 utilization_gpu=0i\n")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Real servers, which answer."""
    folder = tmp_path_factory.mktemp("servers")
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    low, high = modbus.swapped(-21.375)
    made = Servers(
        snmp.Agent(folder / "snmp", UPS),
        modbus.Plant({126: low, 127: high, 310: 0b0100}, {0: False, 1: True}),
        mqtt.Broker(folder / "mqtt"),
        opcua.Plc({"Level": 55.5, "Filling": True}, "operator", "plc-secret"),
        folder / "gpus",
    )
    made.fill_gpus()
    yield made
    made.stop()


SECRETS = {
    "ups_auth": snmp.AUTH,
    "ups_privacy": snmp.PRIVACY,
    "broker": mqtt.PASSWORD,
    "plc": "plc-secret",
}


class Natives(Viewer):
    """The lab, running; asks its database as Grafana does, and looks at it as the live table does."""

    def __init__(self, lab: Lab, servers: Servers):
        super().__init__(lab)
        self.servers = servers
        self.watch = Watch(lab.site, lab.reader, lab.since_ns, lab.details)

    def last(self, instrument: str, channel: str, quantity: str) -> object:
        """Give the newest value of a quantity; None where there is none."""
        found = next(i.stanza for i in self.lab.site.instruments if i.name == instrument)
        measurement = found.find(channel).measurement
        rows = self.rows(
            f'SELECT last("{quantity}") AS "value" FROM "raw"."{measurement}" '
            f"WHERE \"instrument\" = '{instrument}' AND \"channel\" = '{channel}'"
        )
        return rows[0]["value"] if rows else None


def start(
    servers: Servers, state: Path, text: str = SITE, secrets: dict[str, str] = SECRETS, *, simulate: bool = False
) -> Lab:
    """Start a lab with such a site file, where its passwords lie already."""
    state.mkdir(exist_ok=True)
    file = state / "natives.yml"
    file.write_text(text.format(snmp=snmp, mqtt=mqtt, **vars(servers)), encoding="utf-8")
    site = provisioning.site.load(file)
    folder = credentials.private_directory(Places(state, site, simulated=simulate).secrets)
    for name, secret in secrets.items():
        (folder / name).write_text(secret)
    lab = Lab(site, state, lambda _: None, simulate=simulate)
    try:
        lab.start()
    except BaseException:
        lab.close()
        raise
    return lab


@pytest.fixture(scope="module")
def natives(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Natives]:
    """The lab, running, with a value of each quantity that there is in the database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABLINE_GRAFANA_URL", "http://127.0.0.1:9")  # nobody: the vendor's server would be waited for
        lab = start(servers, tmp_path_factory.mktemp("lab"))
        try:
            made = Natives(lab, servers)
            until(lambda: servers.broker.subscribers(), "Telegraf subscribes")
            servers.publish()
            until(lambda: all(made.last(*each) is not None for each in EVERY), "a value of each quantity")
            yield made
        finally:
            lab.close()


EVERY = {
    ("ups", "battery", "charge"): 98.0,
    ("ups", "input", "voltage"): 231.0,
    ("ups", "output", "source"): 3,
    ("plant", "TT01", "temperature_raw"): -21.375,
    ("plant", "TT01", "temperature"): -42.25,
    ("plant", "pump", "running"): True,
    ("plant", "pump", "alarm"): False,
    ("plant", "valve", "open"): True,
    ("esp", "BME", "temp"): 21.5,
    ("esp", "BME", "humi"): 40.0,
    ("esp", "attic", "temp"): 17.5,
    ("esp", "julabo", "bath"): 12.25,
    ("esp", "julabo", "external"): False,
    ("esp", "julabo", "sensor"): 12.5,
    ("esp", "nodered", "temp"): 21.75,
    ("esp", "nodered", "heater"): False,
    ("plc", "tank", "level"): 55.5,
    ("plc", "tank", "filling"): True,
    ("gpus", "left", "load"): 12,
    ("gpus", "right", "load"): 0,
}
