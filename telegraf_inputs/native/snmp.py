"""SNMP agents: UPS, power strips, switches, chillers with a network card, read by Telegraf's inputs.snmp.

Sources: RFC 3411 to 3418 (SNMP v3), RFC 1628 (UPS); Telegraf 1.39, plugins/inputs/snmp.
"""

from __future__ import annotations

import re
from typing import Any

from ..configured import Stanza
from ..declare import Option
from ..errors import BadInput, noted, together
from ..native_source import NATIVE_STATUSES, Native, field_name, secret

OID = re.compile(r"\.?\d{1,10}(\.\d{1,10})+\Z", re.ASCII)
PORT = 161
V3 = ("user", "auth_password_file", "privacy_password_file", "context")


class Snmp(Native):
    """Reads an SNMP agent: a UPS, a power strip, a switch, whatever has a network card with SNMP.

    A value is named by its OID, in numbers: no MIB files are needed. What the device does not have is no field.
    """

    name = "snmp"
    title = "SNMP agents"
    manual = "RFC 3411 to 3418; RFC 1628 for UPS; Telegraf's inputs.snmp"
    known_as = (
        "ups",
        "apc",
        "eaton",
        "pdu",
        "switch",
        "mib",
    )
    verified = "against an independent program: snmpsim, by SNMP v3 with authentication and encryption"
    family = "protocol"
    schemes = ("udp",)
    interval = 30.0
    input = "snmp"
    agent = {"snmp_translator": "gosmi"}
    where = (Option("oid", "str", "the object's identifier in numbers, such as 1.3.6.1.2.1.33.1.2.4.0", required=True),)
    options_known = (
        Option("version", "int", "version of SNMP; 1 and 2 send everything readable", 3, choices=(1, 2, 3)),
        Option("user", "str", "version 3: the user (security name)"),
        Option(
            "auth",
            "str",
            "version 3: how the user is authenticated",
            "SHA256",
            choices=("MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512"),
        ),  # fmt: skip
        Option("auth_password_file", "str", "version 3: a file in the folder of passwords, for authentication"),
        Option(
            "privacy",
            "str",
            "version 3: how it is encrypted",
            "AES",
            choices=("DES", "AES", "AES192", "AES192C", "AES256", "AES256C"),
        ),  # fmt: skip
        Option("privacy_password_file", "str", "version 3: a file in the folder of passwords, for encryption"),
        Option("context", "str", "version 3: the context, where the device has several"),
        Option("community", "str", "version 1 and 2: the community; no secret, for it is sent readable", "public"),
    )
    secret_options = ("auth_password_file", "privacy_password_file")
    statuses = NATIVE_STATUSES
    example = """\
name: ups
driver: snmp
connection: udp://192.168.1.9:161
user: lab
auth_password_file: ups_auth
privacy_password_file: ups_privacy
interval: 30s
channels:
  battery:
    label: Battery of the UPS
    read:
      charge: {oid: 1.3.6.1.2.1.33.1.2.4.0, unit: "%", low: 0, high: 100, description: Charge that is left}
      remaining: {oid: 1.3.6.1.2.1.33.1.2.3.0, unit: min, low: 0, description: Time that is left at this load}
    limits: {charge: {critical: {below: 30 %}, help: Switch off what can be switched off.}}
  output:
    read:
      source:
        oid: 1.3.6.1.2.1.33.1.4.1.0
        unit: ""
        type: int
        description: What feeds the output
        choices: {1: other, 2: none, 3: normal, 4: bypass, 5: {word: battery, severity: warning}, 6: booster, 7: reducer}
      voltage: {oid: 1.3.6.1.2.1.33.1.4.4.1.2.1, unit: V, low: 0, description: Output voltage}
"""

    @classmethod
    def check(cls, stanza: Stanza) -> None:
        with together() as wrong:
            with noted(wrong):
                super().check(stanza)
            options = stanza.options
            if options["version"] == 3 and not options["user"]:
                wrong.append(
                    BadInput(
                        "is missing; SNMP version 3 needs a user (or say version: 2, which has no password)", ("user",)
                    )
                )
            for name in V3 if options["version"] < 3 else ():
                if options[name]:
                    wrong.append(BadInput(f"belongs to version 3, this is version {options['version']}", (name,)))
            if options["privacy_password_file"] and not options["auth_password_file"]:
                wrong.append(
                    BadInput("is missing; there is no encryption without authentication", ("auth_password_file",))
                )
            for channel in stanza.channels:
                for name, each in cls.declared(channel).items():
                    if not OID.match(each.where["oid"]):
                        wrong.append(
                            BadInput(
                                f"found {each.where['oid']!r}, expected an identifier in numbers, such as 1.3.6.1.2.1.33.1.2.4.0",
                                ("channels", channel.id, "read", name, "oid"),
                            )
                        )

    @classmethod
    def table(cls, stanza: Stanza, client: str) -> dict[str, Any]:
        host, port = stanza.connection.host_port(PORT)
        options = stanza.options
        keys: dict[str, Any] = {
            "agents": [f"udp://{f'[{host}]' if ':' in host else host}:{port}"],
            "agent_host_tag": "source",
            "timeout": f"{round(stanza.timeout * 1000)}ms",
            "retries": 1,
            "version": options["version"],
        }
        if options["version"] < 3:
            keys["community"] = options["community"]
        else:
            auth, privacy = options["auth_password_file"], options["privacy_password_file"]
            keys |= {"sec_name": options["user"], "sec_level": _level(auth, privacy)}
            keys |= {"auth_protocol": options["auth"], "auth_password": secret(auth)} if auth else {}
            keys |= {"priv_protocol": options["privacy"], "priv_password": secret(privacy)} if privacy else {}
            keys |= {"context_name": options["context"]} if options["context"] else {}
        keys["field"] = [
            {"name": field_name(channel, name), "oid": each.where["oid"]}
            for channel in stanza.channels
            for name, each in cls.declared(channel).items()
        ]
        return keys


def _level(auth: str | None, privacy: str | None) -> str:
    return "authPriv" if privacy else "authNoPriv" if auth else "noAuthNoPriv"


DRIVER = Snmp
