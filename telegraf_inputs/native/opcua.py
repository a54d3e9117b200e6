"""OPC UA servers: PLCs and control systems, read by Telegraf's inputs.opcua.

Sources: OPC UA Part 4 (Services) and Part 8 (Data Access); Telegraf 1.39, plugins/inputs/opcua.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..configured import Channel, Stanza
from ..declare import Option
from ..errors import BadInput, noted, together
from ..native_source import NATIVE_STATUSES, Native, secret

NODE = re.compile(r"(ns=\d{1,5};|nsu=[^;]+;)?[isgb]=.+\Z")
PORT = 4840
# Status codes of values (Part 4, 7.39; Part 8, 6.3) that say that a sensor or its line is ill, of nodes that are there.
# Telegraf leaves out a node whose code is not among these; of one that is, native/shape.star tells that it is bad.
BAD = (
    *("0x80000000", "0x80050000", "0x80310000", "0x80320000", "0x80890000", "0x808A0000", "0x808B0000", "0x808C0000"),
    *("0x808D0000", "0x809B0000", "0x803C0000", "0x80E30000", "0x40000000", "0x408F0000", "0x40900000", "0x40910000"),
    *("0x40920000", "0x40930000", "0x40940000", "0x40950000", "0x40A40000", "0x40DE0000", "0x40E20000", "0x42080000"),
    *("0x42090000", "0x420A0000", "0x420F0000"),
)


class OpcUa(Native):
    """Reads variables of an OPC UA server, such as a PLC.

    A value whose quality is not good is none: its status is bad_quality.
    """

    name = "opcua"
    title = "OPC UA servers"
    manual = "OPC UA Part 4 and Part 8; Telegraf's inputs.opcua"
    known_as = (
        "opc",
        "opc-ua",
        "opc_ua",
        "siemens",
        "wincc",
    )
    verified = "against an independent program: asyncua"
    family = "protocol"
    schemes = ("opc.tcp",)
    input = "opcua"
    by = "node"
    where = (Option("node", "str", "the variable's identifier, such as ns=2;s=Tank.Temperature", required=True),)
    options_known = (
        Option("security", "str", "how messages are signed and encrypted; auto: as well as the server can", "auto", choices=("auto", "None", "Basic128Rsa15", "Basic256", "Basic256Sha256")),
        Option("certificate", "str", "our certificate's file; default: one for this run"),
        Option("private_key", "str", "the key's file of that certificate"),
        Option("username", "str", "the user, where the server wants one"),
        Option("password_file", "str", "a file in the folder of passwords"),
    )  # fmt: skip
    secret_options = ("password_file",)
    file_options = ("certificate", "private_key")
    statuses = NATIVE_STATUSES | {"bad_quality": "the server says that the value is not good"}
    example = """\
name: cryoplant
driver: opcua
connection: opc.tcp://192.168.1.20:4840
username: lab
password_file: cryoplant
interval: 5s
channels:
  tank:
    label: Helium tank
    read:
      level: {node: "ns=2;s=Tank.Level", unit: "%", low: 0, high: 100, description: Level of the tank}
      filling: {node: "ns=2;s=Tank.Filling", unit: "", type: bool, description: It is being filled}
    limits: {level: {warning: {below: 20 %}}}
  turbine:
    read:
      speed: {node: "ns=2;i=1042", unit: rpm, low: 0, high: 300000, description: Speed of the turbine}
"""

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        with together() as wrong:
            with noted(wrong):
                super().check(stanza)
            options = stanza.options
            if bool(options["username"]) != bool(options["password_file"]):
                wrong.append(
                    BadInput(
                        "username and password_file go together",
                        ("password_file" if options["username"] else "username",),
                    )
                )
            if bool(options["certificate"]) != bool(options["private_key"]):
                wrong.append(
                    BadInput(
                        "certificate and private_key go together",
                        ("certificate" if options["private_key"] else "private_key",),
                    )
                )
            for channel in stanza.channels:
                for name, each in cls.declared(channel).items():
                    if not NODE.match(each.where["node"]):
                        wrong.append(
                            BadInput(
                                f"found {each.where['node']!r}, expected a node's identifier, such as ns=2;s=Tank.Temperature",
                                ("channels", channel.id, "read", name, "node"),
                            )
                        )

    @classmethod
    def table(cls, stanza: Stanza, client: str) -> dict[str, Any]:
        options, url = stanza.options, stanza.connection
        timeout = f"{round(stanza.timeout * 1000)}ms"
        security = options["security"]
        keys: dict[str, Any] = {
            "endpoint": f"opc.tcp://{url.rest}",
            "connect_timeout": timeout,
            "request_timeout": timeout,
            "security_policy": security,
            "security_mode": "None" if security == "None" else "auto",
            "certificate": options["certificate"] or "",
            "private_key": options["private_key"] or "",
        }
        if options["username"]:
            keys |= {"auth_method": "UserName", "username": options["username"]}
            keys["password"] = secret(options["password_file"])
        nodes = [each.where["node"] for channel in stanza.channels for each in cls.declared(channel).values()]
        keys["nodes"] = [{"name": "value", "id": node} for node in nodes]
        keys["workarounds"] = {"additional_valid_status_codes": list(BAD)}
        return keys

    @classmethod
    def source(cls, stanza: Stanza, channel: Channel, quantity: str, where: Mapping[str, Any]) -> list[Any]:
        return [where["node"]]


DRIVER = OpcUa
