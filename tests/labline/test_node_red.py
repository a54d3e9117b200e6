"""Node-RED beside the containers: its flows are loaded by the real one, and what devices post arrives at the broker."""

from __future__ import annotations

import json
import re
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import yaml

from labline import cli
from labline.stack import ports
from labline.stack.process import Process
from tests.parts import compose, mqtt, nodered

FLOWS = Path(__file__).parents[2] / "containers/node-red"
LAB = """\
site: my-lab
nodes: [{name: lab-pc}]
instruments:
  - name: oven
    driver: mqtt
    connection: mqtt://mosquitto:1883
    username: lab
    password_file: mqtt_lab
    topic: lab/oven
    channels: {oven: {read: {temp: {path: temp, unit: °C, description: Temperature of the oven}}}}
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mqtt.Broker]:
    started = mqtt.Broker(tmp_path_factory.mktemp("broker") / "own")
    yield started
    started.stop()


class NodeRed:
    """A Node-RED with a copy of the flows; ``process`` has what it says."""

    def __init__(self, folder: Path, broker: mqtt.Broker, flows: str):
        program = nodered.program()
        if program is None:
            pytest.skip("no Node.js with npm here: Node-RED's flows are not loaded")
        shutil.copytree(FLOWS, folder / "data")
        (folder / "data/flows.json").write_text(flows)
        credentials = folder / "data/flows_cred.json"
        credentials.write_text(credentials.read_text().replace('"sensors"', f'"{mqtt.SENSOR}"'))
        (folder / "password").write_text(mqtt.SENSOR_PASSWORD)
        self.port = ports.free(1)[0]
        environment = {
            "MQTT_HOST": "127.0.0.1",
            "MQTT_PORT": str(broker.port),
            "MQTT_PASSWORD_FILE": str(folder / "password"),
            "UI_HOST": "127.0.0.1",
            "UI_PORT": str(self.port),
        }
        command = ["node", program, "--userDir", folder / "data"]
        self.process = Process("Node-RED", command, folder / "node-red.log", environment)

    def says(self, words: str) -> None:
        """Wait until it says something."""
        self.process.wait_ready(lambda: words in self.process.output(), 60)

    def post(self, path: str, text: str) -> tuple[int, str]:
        """Post JSON; gives the status and what is said."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", text.encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()


def test_what_a_device_posts_arrives_at_the_broker(broker, tmp_path):
    flows = (FLOWS / "flows.json").read_text().replace("`lab/${name}`", "`julabo/${name}`")  # where its user may write
    red = NodeRed(tmp_path, broker, flows)
    with red.process:
        red.says("Started flows")
        red.says("Connected to broker")
        arrived: list[tuple[str, bytes]] = []
        heard, subscribed = threading.Event(), threading.Event()
        reader = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        reader.username_pw_set(mqtt.READER, mqtt.PASSWORD)
        reader.on_message = lambda client, data, message: (
            arrived.append((message.topic, message.payload)),
            heard.set(),
        )
        reader.on_subscribe = lambda *_: subscribed.set()
        reader.connect("127.0.0.1", broker.port)
        reader.loop_start()
        reader.subscribe("#", qos=1)
        assert subscribed.wait(30)
        assert red.post("/readings/oven", '{"temp": 181.5, "on": true}') == (202, "")
        assert heard.wait(30)
        reader.disconnect()
        reader.loop_stop()
        ((topic, payload),) = arrived
        assert (topic, json.loads(payload)) == ("julabo/oven", {"temp": 181.5, "on": True})
        # What labline could not store is answered at once, and goes no further.
        assert red.post("/readings/Oven", "{}")[0] == 400
        status, why = red.post("/readings/oven", '{"temp": [1]}')
        assert status == 400 and "plain values" in why
        assert red.post("/readings/oven", "[1]")[0] == 400
        assert len(arrived) == 1
        # Nobody gets at the flows.
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{red.port}/flows")
        assert refused.value.code == 404
        assert not re.search(r"\[error\]", red.process.output()), red.process.output()
        assert mqtt.SENSOR_PASSWORD not in red.process.output()
    kept = "".join(file.read_text(errors="replace") for file in (tmp_path / "data").rglob("*") if file.is_file())
    assert mqtt.SENSOR_PASSWORD not in kept


def test_a_node_that_node_red_does_not_know_would_be_told(broker, tmp_path):
    red = NodeRed(tmp_path, broker, (FLOWS / "flows.json").read_text().replace('"mqtt out"', '"mqtt away"'))
    with red.process:
        red.says("Waiting for missing types to be registered")


def test_compose_takes_it_beside_the_others(tmp_path, monkeypatch):
    (tmp_path / "lab.yml").write_text(LAB)
    assert cli.main(["containers", str(tmp_path / "lab.yml"), "--to", str(tmp_path / "made")]) == 0
    both = tmp_path / "made/compose.yaml", FLOWS / "compose.yaml"
    monkeypatch.delenv("LABLINE_USER", raising=False)
    read = compose.read(*both)
    assert read.returncode == 0, read.stderr
    services = yaml.safe_load(read.stdout)["services"]
    assert services["node-red"]["user"] == services["mosquitto"]["user"]
    # Its folders are those of the lab, not of the clone.
    assert f"source: {tmp_path}/made/node-red" in read.stdout
