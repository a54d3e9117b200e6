"""An MQTT broker: Debian's mosquitto, with users, rights and TLS."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import paho.mqtt.client as paho
import trustme

from labline.stack import ports
from labline.stack.process import Process

from . import debian_program

READER, PASSWORD = "lab", "broker-secret"
SENSOR, SENSOR_PASSWORD = "sensor", "sensor-secret"
# A stanza of what publishes to the broker that `labline containers` brings along.
CONTAINED = """\
  - name: oven
    driver: mqtt
    connection: mqtt://mosquitto:1883
    interval: 30s
    username: lab
    password_file: mqtt_lab
    topic: lab/oven
    channels: {oven: {read: {temp: {path: temp, unit: °C, description: Temperature of the oven}}}}
"""
LIBRARIES = ("libwrap0", "libdlt2")  # which mosquitto needs, and a bare Debian has not


class Broker:
    """Listens on ``port``, and with TLS on ``tls_port``; ``sensor`` may write below ESP01, julabo and shelly, ``lab`` may read."""

    def __init__(self, folder: Path):
        self.port, self.tls_port = ports.free(2)
        self._folder = folder
        folder.mkdir()
        self._programs, self._environment = debian_program.found("mosquitto", LIBRARIES)
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1", "localhost")
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca)
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
        self._passwords({READER: PASSWORD, SENSOR: SENSOR_PASSWORD})
        (folder / "acl").write_text(
            f"user {READER}\ntopic read #\nuser {SENSOR}\ntopic write ESP01/#\ntopic write julabo/#\ntopic write shelly/#\n"
        )
        (folder / "mosquitto.conf").write_text(
            f"log_type all\npassword_file {folder}/passwords\nacl_file {folder}/acl\nallow_anonymous false\n"
            f"{'user root' if os.geteuid() == 0 else ''}\n"
            f"listener {self.port} 127.0.0.1\n"
            f"listener {self.tls_port} 127.0.0.1\ncertfile {folder}/cert.pem\nkeyfile {folder}/key.pem\n"
        )
        self.start()

    def start(self) -> None:
        """Start it; returns when both ports answer."""
        command = [self._programs / "usr" / "sbin" / "mosquitto", "-c", self._folder / "mosquitto.conf"]
        self._process = Process("mosquitto", command, self._folder / "mosquitto.log", self._environment)
        self._process.wait_ready(lambda: all(map(listens, (self.port, self.tls_port))), 30)

    def stop(self) -> None:
        """Close all connections."""
        self._process.stop(10)

    def publish(self, topic: str, text: str) -> None:
        """Publish a message as the sensor; returns when the broker has it."""
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.username_pw_set(SENSOR, SENSOR_PASSWORD)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        client.publish(topic, text, qos=1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()

    def subscribers(self) -> int:
        """Count how often somebody subscribed, by the broker's log."""
        return self._process.output().count("Sending SUBACK")

    def _passwords(self, users: dict[str, str]) -> None:
        file = self._folder / "passwords"
        file.touch(0o600)
        for user, password in users.items():
            program = self._programs / "usr" / "bin" / "mosquitto_passwd"
            environment = {**os.environ, **self._environment}
            subprocess.run([program, "-b", file, user, password], env=environment, check=True, capture_output=True)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
