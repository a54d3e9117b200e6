"""Whatever publishes by MQTT: sensors, gateways, other programs, read by Telegraf's inputs.mqtt_consumer.

Sources: MQTT Version 3.1.1 (OASIS); Telegraf 1.39, plugins/inputs/mqtt_consumer.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..configured import ANY, Channel, Stanza
from ..declare import Option
from ..errors import BadInput, noted, together
from ..native_source import COMMA, NATIVE_STATUSES, PLACE, READ, Native, secret

PORTS = {"mqtt": 1883, "mqtts": 8883}
TOPIC = Option(
    "topic",
    "str",
    "the topic; {channel} and {quantity} in it stand for their names; default: that of the channel, or of the instrument",
)
PATH = Option(
    "path",
    "str",
    "where the value is in a JSON message, such as status.temperature, 0.value (the first of a list) or sensors.id=7.value (the one "
    "whose id is 7); default: the message is the value",
)
TIME = Option(
    "time",
    "str",
    "where a JSON message has a time of its own, such as 0.timestamp; default: that of the channel, or of the instrument; "
    "without one, the time is that of its arrival",
)
TIME_FORM = Option(
    "time_form",
    "str",
    "how that is written: iso, with its zone, such as 2026-11-28T15:00:00.5Z; or as a number, since 1970: seconds (unix), "
    "milliseconds (unix_ms) …; default: iso",
    choices=("iso", "unix", "unix_ms", "unix_us", "unix_ns"),
)
WHY = "# Without an address that nobody has, a broker that refuses this user would end Telegraf at its start."
NOWHERE = "unix:///broker-is-away-or-refuses-this-user"
MOST_WAITING = 10_000  # messages that are not in the database yet; the broker keeps more


class Mqtt(Native):
    """Reads what others publish to an MQTT broker: plain values, or values in JSON messages.

    Channel `*` stands for those that are not named: a level of its topic is {channel}, and what comes there is their name.

    A path leads through nested objects (`status.temperature`) and lists (`0.value`, or `sensors.id=7.value` for the one whose id is 7), and through
    JSON that stands as a text in JSON. Truth values stay such; null is no reading. A text such as `21,5` is read with `decimal_comma: true`.

    A message's time is its own where `time` says where it stands, else that of its arrival; without a time of its own, one that the broker
    retains counts as new whenever Telegraf connects, with one it is the same point again. A broker that refuses the user looks like one
    that is away: Telegraf does not tell which. With `qos` 1 the broker keeps what comes while Telegraf is away.
    """

    name = "mqtt"
    title = "MQTT messages"
    manual = "MQTT Version 3.1.1; Telegraf's inputs.mqtt_consumer"
    known_as = (
        "shelly",
        "tasmota",
        "esp32",
        "esp8266",
        "zigbee2mqtt",
        "mosquitto",
        "node-red",
        "nodered",
        "broker",
    )
    verified = "against an independent program: mosquitto, with users, rights and TLS"
    family = "protocol"
    schemes = ("mqtt", "mqtts")
    interval = 60.0  # messages come by themselves; this is how often
    input = "mqtt_consumer"
    by = "topic"
    where = (TOPIC, PATH, COMMA)
    channel_options = (READ, TOPIC, TIME, TIME_FORM)
    statuses = NATIVE_STATUSES | {
        "bad_time": "the message has no time that can be read where `time` says: the point's is that of its arrival",
    }
    options_known = (
        TOPIC,
        TIME,
        TIME_FORM,
        Option("username", "str", "the user, where the broker wants one"),
        Option("password_file", "str", "a file in the folder of passwords"),
        Option("ca", "str", "mqtts: the file with the certificate of the authority that signed the broker's, where the system does not know that one"),
        Option("client_id", "str", "the name by which the broker knows us; default: of site and instrument"),
        Option("qos", "int", "0: at most once; 1: at least once, kept by the broker while Telegraf is away; 2: once", 1, choices=(0, 1, 2)),
    )  # fmt: skip
    finds = True
    secret_options = ("password_file",)
    file_options = ("ca",)
    example = """\
name: esp01
driver: mqtt
connection: mqtts://192.168.1.3:8883
username: lab
password_file: broker
ca: /etc/labline/broker-ca.pem
interval: 30s
topic: ESP01/sensors/{channel}/{quantity}
channels:
  BME:
    label: Air in the clean room
    read:
      temp: {unit: °C, low: -40, high: 85, description: Temperature of the air}
      humi: {unit: "%", low: 0, high: 100, description: Relative humidity}
  "*":
    read:
      temp: {unit: °C, low: -40, high: 85, description: Temperature at a sensor that is not named}
  julabo:
    topic: julabo/status
    read:
      bath: {path: internal_temp, unit: °C, description: Bath temperature}
      external: {path: ext_is_used, unit: "", type: bool, description: The external sensor controls}
"""

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        with together() as wrong:
            for channel in stanza.channels:
                with noted(wrong):
                    cls._check_channel(stanza, channel)
            with noted(wrong) as common:
                with noted(common):
                    super().check(stanza)
                for error in common:
                    if error.message.startswith("reads the same value"):
                        error.message += "; let {channel} or {quantity} stand in its topic or path"
            for channel in stanza.others:
                with noted(wrong):
                    cls._check_channel(stanza, channel)
            if stanza.options["password_file"] and not stanza.options["username"]:
                wrong.append(BadInput("is missing; a password needs a user", ("username",)))
            if stanza.options["ca"] and stanza.connection.scheme != "mqtts":
                wrong.append(BadInput("is for mqtts://, this connection is not encrypted", ("ca",)))

    @classmethod
    def _check_channel(cls, stanza: Stanza, channel: Channel) -> None:
        with together() as wrong:
            if (found := cls.own_time(stanza, channel)) and "" in found[0]:
                where = ("channels", channel.id, "time") if channel.options["time"] is not None else ("time",)
                wrong.append(BadInput("is no path, expected names with '.' between them", where))
            for name, each in cls.declared(channel).items():
                at = ("channels", channel.id, "read", name)
                with noted(wrong):
                    _check(topic_of(stanza, channel, name, each.where), channel, (*at, "topic"))
                path = path_of(channel, name, each.where)
                if path[:1] == ["$"]:
                    meant = ".".join(path[1:])
                    wrong.append(BadInput(f"found {each.where['path']!r}, expected {meant!r}: no '$'", (*at, "path")))
                elif "" in path or PLACE in path:
                    said = f"found {each.where['path']!r}, expected names with '.' between them"
                    wrong.append(BadInput(said, (*at, "path")))

    @classmethod
    def table(cls, stanza: Stanza, client: str) -> dict[str, Any]:
        options, url = stanza.options, stanza.connection
        host, port = url.host_port(PORTS[url.scheme])
        scheme = "ssl" if url.scheme == "mqtts" else "tcp"
        topics = [source[0].replace(PLACE, "+") for source in _sources(stanza)]
        keys: dict[str, Any] = {
            WHY: None,
            "servers": [f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}", NOWHERE],
            "topics": list(dict.fromkeys(topics)),
            "qos": options["qos"],
            "client_id": options["client_id"] or client,
            "persistent_session": options["qos"] > 0,
            "max_undelivered_messages": MOST_WAITING,
            "connection_timeout": f"{max(1, round(stanza.timeout))}s",
            "data_format": "value",
            "data_type": "string",
        }
        if options["username"]:
            keys["username"] = options["username"]
        if options["password_file"]:
            keys["password"] = secret(options["password_file"])
        if options["ca"]:
            keys["tls_ca"] = options["ca"]
        return keys

    @classmethod
    def own_time(cls, stanza: Stanza, channel: Channel) -> list[Any] | None:
        path, form = (
            given if (given := channel.options[name]) is not None else stanza.options[name]
            for name in ("time", "time_form")
        )
        return None if path is None else [path.split("."), form or "iso"]

    @classmethod
    def by_hand(cls, stanza: Stanza) -> Stanza:
        # A broker lets go of the first of two clients of one name, and keeps for ever what a lasting one has not fetched.
        return replace(
            stanza, options={**stanza.options, "client_id": f"labline-read-{os.getpid()}-{stanza.name}", "qos": 0}
        )

    @classmethod
    def source(cls, stanza: Stanza, channel: Channel, quantity: str, where: Mapping[str, Any]) -> list[Any]:
        return [topic_of(stanza, channel, quantity, where), path_of(channel, quantity, where)]


def topic_of(stanza: Stanza, channel: Channel, quantity: str, where: Mapping[str, Any]) -> str:
    """Tell on which topic a quantity comes; "" where none is said."""
    topic = where["topic"] or channel.options["topic"] or stanza.options["topic"] or ""
    return _filled(topic, channel, quantity)


def path_of(channel: Channel, quantity: str, where: Mapping[str, Any]) -> list[str]:
    """Tell by which keys a quantity is found in a JSON message; none where the message is its value."""
    return _filled(where["path"], channel, quantity).split(".") if where["path"] is not None else []


def _filled(text: str, channel: Channel, quantity: str) -> str:
    return text.replace(PLACE, PLACE if channel.id == ANY else channel.id).replace("{quantity}", quantity)


def _sources(stanza: Stanza) -> list[list[Any]]:
    return [
        Mqtt.source(stanza, channel, name, each.where)
        for channel in stanza.declared
        for name, each in Mqtt.declared(channel).items()
    ]


def _check(topic: str, channel: Channel, path: tuple[str, ...]) -> None:
    if not topic:
        raise BadInput("is missing; expected the topic here, in the channel, or in the instrument", path)
    if channel.id == ANY:
        if topic.split("/").count(PLACE) != 1:
            raise BadInput(
                f"found {topic!r}, expected a topic one of whose levels is {PLACE}: so channels are found that are not named",
                path,
            )
        topic = topic.replace(PLACE, "")
    if "+" in topic or "#" in topic or "{" in topic or not topic.isprintable():
        raise BadInput(
            f"found {topic!r}, expected one topic; + and # stand for many, whose values would be mixed up", path
        )


DRIVER = Mqtt
