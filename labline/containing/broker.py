"""The MQTT broker among the containers: there where the site file reads from it, with a user for labline and one for sensors."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping

from provisioning.site import Site

HOST, PORT = "mosquitto", 1883
PASSWORDS = "mosquitto_passwords"  # the file of the broker itself, made of those below
SECRETS = {"lab": "mqtt_lab", "sensors": "mqtt_sensors"}  # user -> the file of the password
ROUNDS, SALT = 101, 12  # as mosquitto_passwd has them; the passwords are long and random

CONFIG = f"""\
listener {PORT}
allow_anonymous false
password_file /run/secrets/{PASSWORDS}
acl_file /mosquitto/config/acl
persistence true
persistence_location /mosquitto/data/
log_dest stdout
"""
ACL = """\
user lab
topic read #

user sensors
topic write #
"""


def used(site: Site) -> bool:
    """Tell whether an instrument of the site is read from this broker: its connection is mqtt://mosquitto:1883."""
    urls = (instrument.stanza.connection for instrument in site.enabled)
    return any(url.scheme == "mqtt" and url.rest.rstrip("/") in (HOST, f"{HOST}:{PORT}") for url in urls)


def password_file(passwords: Mapping[str, str], before: str = "") -> str:
    """Write the broker's password file; a line of ``before`` stays where it says the same, for salts are random.

    Source: mosquitto_passwd(1), format 7: PBKDF2 with SHA-512.
    """
    there = {line.partition(":")[0]: line for line in before.splitlines()}
    lines = []
    for user, password in passwords.items():
        if user in there and _says(there[user], password):
            lines.append(f"{there[user]}\n")
            continue
        salt = secrets.token_bytes(SALT)
        lines.append(f"{user}:$7${ROUNDS}${_text(salt)}${_text(_digest(password, salt, ROUNDS))}\n")
    return "".join(lines)


def _says(line: str, password: str) -> bool:
    try:
        _, kept = line.split(":")
        _, kind, rounds, salt, digest = kept.split("$")
        return kind == "7" and _text(_digest(password, base64.b64decode(salt), int(rounds))) == digest
    except ValueError:
        return False


def _digest(password: str, salt: bytes, rounds: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
