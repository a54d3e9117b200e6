"""The two ways in which Raspberry Pi OS takes first settings from its boot partition.

custom.toml: Debian 12, read by ``firstboot`` of its package raspberrypi-sys-mods (init_config says which keys).
cloud-init: Debian 13, by the data source NoCloud: user-data, network-config and meta-data.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from telegraf_inputs.errors import BadInput

from . import hashes
from .card import CMDLINE, Card
from .settings import Settings

HEADER = "# Made by `labline image`.\n"
TOML, USER, NETWORK, META = "custom.toml", "user-data", "network-config", "meta-data"
FIRSTBOOT = "init=/usr/lib/raspberrypi-sys-mods/firstboot"
INSTANCE = re.compile(r"(?<=\bds=nocloud;i=)\S+")

Form = Callable[[Card, Settings], dict[str, str]]


def of(card: Card) -> Form:
    """Find how this card's system takes its settings. Raises BadInput where it takes none (any more)."""
    cmdline = card.read(CMDLINE) or ""
    if "systemd.run=" in cmdline:
        raise BadInput(
            "has settings of Raspberry Pi Imager's already, and they would go on top of these; write the image anew, "
            "without customisation",
            file=card.shown,
        )
    if card.has(USER) and card.has(META):
        return cloud_init
    if FIRSTBOOT in cmdline:
        return custom_toml
    raise BadInput(
        "takes no settings: it has neither cloud-init's files (Debian 13) nor a first boot ahead of it (Debian 12). "
        "Where the card has booted once already, write the image anew",
        file=card.shown,
    )


def custom_toml(card: Card, settings: Settings) -> dict[str, str]:
    """Make custom.toml."""
    if settings.locale:
        raise BadInput(
            "this card's Raspberry Pi OS (Debian 12) can't be given a locale; leave it out, or take one of Debian 13",
            ("--locale",),
        )
    earlier = _toml(card.read(TOML)).get("user", {})
    tables: dict[str, dict[str, Any]] = {
        "system": {"hostname": settings.host},
        "user": {"name": settings.user},
        "ssh": {"enabled": True, "password_authentication": False, "authorized_keys": list(settings.keys)},
    }
    if settings.password:
        hashed = hashes.password(settings.password, str(earlier.get("password", "")))
        tables["user"] |= {"password": hashed, "password_encrypted": True}
    if wireless := settings.wireless:
        tables["wlan"] = {"ssid": wireless.name}
        if wireless.passphrase:
            key = hashes.network(wireless.name, wireless.passphrase)
            tables["wlan"] |= {"password": key, "password_encrypted": True}
        tables["wlan"] |= {"hidden": wireless.hidden, "country": wireless.country}
    place = {"keymap": settings.keyboard, "timezone": settings.timezone}
    if any(place.values()):
        tables["locale"] = {key: value for key, value in place.items() if value}
    parts = [
        f"\n[{name}]\n" + "".join(f"{key} = {_quoted(value)}\n" for key, value in table.items())
        for name, table in tables.items()
    ]
    return {TOML: f"{HEADER}config_version = 1\n{''.join(parts)}"}


def cloud_init(card: Card, settings: Settings) -> dict[str, str]:
    """Make cloud-init's files, and where the kernel's command line has the instance's name, that."""
    earlier = _yaml(card.read(USER)).get("user")
    user: dict[str, Any] = {"name": settings.user, "shell": "/bin/bash", "lock_passwd": not settings.password}
    if settings.password:
        before = str(earlier.get("passwd", "")) if isinstance(earlier, dict) else ""
        user["passwd"] = hashes.password(settings.password, before)
    # What labline's playbook needs: Raspberry Pi OS gives its first user the same.
    user |= {"sudo": "ALL=(ALL) NOPASSWD:ALL", "ssh_authorized_keys": list(settings.keys)}
    told: dict[str, Any] = {"hostname": settings.host, "manage_etc_hosts": True, "user": user, "ssh_pwauth": False}
    if settings.timezone:
        told["timezone"] = settings.timezone
    if settings.keyboard:
        told["keyboard"] = {"model": "pc105", "layout": settings.keyboard}
    if settings.locale:
        told["locale"] = settings.locale
    # The image has sshd turned off.
    told["runcmd"] = [["systemctl", "enable", "--now", "ssh"]]
    network: dict[str, Any] = {"version": 2, "ethernets": {"eth0": {"dhcp4": True, "dhcp6": True, "optional": True}}}
    if wireless := settings.wireless:
        point: dict[str, Any] = {"hidden": True} if wireless.hidden else {}
        if wireless.passphrase:
            point["password"] = hashes.network(wireless.name, wireless.passphrase)
        else:
            point["auth"] = {"key-management": "none"}
        way = {"dhcp4": True, "dhcp6": True, "optional": True, "regulatory-domain": wireless.country}
        network["wifis"] = {"wlan0": {**way, "access-points": {wireless.name: point}}}
    files = {USER: f"#cloud-config\n{HEADER}{_dumped(told)}", NETWORK: f"{HEADER}{_dumped({'network': network})}"}
    # cloud-init does its work once for an instance: other settings are another one.
    name = f"labline-{hashlib.sha256(''.join(files.values()).encode()).hexdigest()[:16]}"
    files[META] = f"{HEADER}{_dumped({'dsmode': 'local', 'instance-id': name})}"
    cmdline = card.read(CMDLINE) or ""
    if INSTANCE.search(cmdline):  # it goes before the file's
        files[CMDLINE] = INSTANCE.sub(name, cmdline)
    return files


def _dumped(data: Mapping[str, Any]) -> str:
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=10_000)


def _quoted(value: object) -> str:
    """Write a value of TOML: JSON's texts, lists and words are the same there."""
    return json.dumps(value, ensure_ascii=False)


def _yaml(text: str | None) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text or "")
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def _toml(text: str | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text or "")
    except tomllib.TOMLDecodeError:
        return {}
