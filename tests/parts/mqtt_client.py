"""A client of a broker that is in another network: ``python -m tests.parts.mqtt_client`` reads JSON from its input, and prints JSON.

``{"host", "port", "ca", "user", "password", "subscribe": topic, "publish": [[topic, text], …], "seconds"}``, of which only host
and port are needed, gives ``{"connected", "subscribed", "published": [reason, …], "received": [[topic, text], …]}``: the reasons
that the broker gives. It ends when it received as much as it published, or after ``seconds``.
"""

from __future__ import annotations

import json
import queue
import ssl
import sys
import time
from typing import Any

import paho.mqtt.client as paho

PATIENCE = 10.0  # seconds for an answer


def main() -> None:
    """Do what the input says."""
    wanted = json.load(sys.stdin)
    answers: dict[str, queue.Queue[Any]] = {
        kind: queue.Queue() for kind in ("connect", "subscribe", "publish", "message")
    }
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_connect = lambda _client, _data, _flags, reason, _properties: answers["connect"].put(str(reason))
    client.on_subscribe = lambda _client, _data, _id, reasons, _properties: answers["subscribe"].put(str(reasons[0]))
    client.on_publish = lambda _client, _data, _id, reason, _properties: answers["publish"].put(str(reason))
    client.on_message = lambda _client, _data, message: answers["message"].put(
        [message.topic, message.payload.decode()]
    )
    if wanted.get("user"):
        client.username_pw_set(wanted["user"], wanted["password"])
    if wanted.get("ca"):
        client.tls_set(ca_certs=wanted["ca"], cert_reqs=ssl.CERT_REQUIRED)
    said: dict[str, Any] = {"published": [], "received": []}
    _connect(client, wanted["host"], wanted["port"])
    client.loop_start()
    said["connected"] = answers["connect"].get(timeout=PATIENCE)
    if said["connected"] == "Success":
        if wanted.get("subscribe"):
            client.subscribe(wanted["subscribe"], qos=1)
            said["subscribed"] = answers["subscribe"].get(timeout=PATIENCE)
        for topic, text in wanted.get("publish", []):
            client.publish(topic, text, qos=1)
            said["published"].append(answers["publish"].get(timeout=PATIENCE))
        deadline = time.monotonic() + wanted.get("seconds", 0)
        while len(said["received"]) < len(said["published"]) and (left := deadline - time.monotonic()) > 0:
            try:
                said["received"].append(answers["message"].get(timeout=left))
            except queue.Empty:
                break
    client.disconnect()
    client.loop_stop()
    print(json.dumps(said))


def _connect(client: paho.Client, host: str, port: int) -> None:
    """Come to the broker, which may just be starting anew: a device, too, tries it again."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            client.connect(host, port)
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    main()
