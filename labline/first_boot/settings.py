"""What a first boot sets: checked before anything is written."""

from __future__ import annotations

import base64
import binascii
import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from telegraf_inputs.errors import BadInput, suggestion

HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
# What every Debian has already, or Raspberry Pi OS brings: a first boot would give one of these the keys, or fail.
TAKEN = frozenset(
    "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody messagebus sshd avahi"
    " tss polkitd dnsmasq statd rtkit pulse saned colord geoclue lightdm hplip rpc usbmux _apt _chrony _rpc systemd-network"
    " systemd-resolve systemd-timesync systemd-coredump".split()
)
USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
KEY_KINDS = re.compile(r"(sk-)?(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521))(@openssh\.com)?")
COUNTRY, KEYBOARD, LOCALE = (
    re.compile(r"[A-Z]{2}"),
    re.compile(r"[a-z]{2,12}"),
    re.compile(r"[a-z]{2,3}_[A-Z]{2}\.UTF-8"),
)
COUNTRIES = Path("/usr/share/zoneinfo/iso3166.tab")


@dataclass(frozen=True, kw_only=True)
class Wireless:
    """A wireless network; ``passphrase`` is empty where it is open."""

    name: str
    passphrase: str = field(repr=False)
    country: str
    hidden: bool = False

    def __post_init__(self) -> None:
        """Raise BadInput where a network can't be like that (IEEE 802.11: 32 bytes of name; WPA: 8 to 63 characters)."""
        if not 1 <= len(self.name.encode()) <= 32 or not self.name.isprintable():
            raise BadInput(f"found {self.name!r}, expected a network's name of 1 to 32 bytes", ("--wifi",))
        phrase = self.passphrase
        hexadecimal = re.fullmatch("[0-9a-fA-F]{64}", phrase)
        if phrase and not hexadecimal and not (8 <= len(phrase) <= 63 and phrase.isascii() and phrase.isprintable()):
            raise BadInput(
                f"its password has {len(phrase)} characters, expected 8 to 63 of ASCII, or the 64 digits of a key",
                ("--wifi-password-file",),
            )
        known = _countries()
        if not COUNTRY.fullmatch(self.country) or known and self.country not in known:
            raise BadInput(
                f"found {self.country!r}, expected a country's two letters (ISO 3166), such as DE: a wireless adapter may "
                "not send before it knows where it is",
                ("--country",),
            )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A machine's first settings: who may log in to it, with which of ``keys``, and where it is."""

    host: str
    user: str
    keys: tuple[str, ...]
    password: str = field(default="", repr=False)
    wireless: Wireless | None = None
    timezone: str = ""
    keyboard: str = ""
    locale: str = ""

    def __post_init__(self) -> None:
        """Raise BadInput where something can't be so."""
        if not HOST.fullmatch(self.host):
            raise BadInput(f"found {self.host!r}, expected a host's name of letters, digits and -", ("--host",))
        if not USER.fullmatch(self.user) or self.user in TAKEN:
            raise BadInput(
                f"found {self.user!r}, expected a user's name of small letters, digits, - and _, and not one that the system has "
                "itself, such as root",
                ("--user",),
            )
        if not self.keys:
            raise BadInput("expected a public key: without one nobody can log in", ("--key",))
        if self.timezone:
            _check_zone(self.timezone)
        _fits(KEYBOARD, self.keyboard, "--keyboard", "a keyboard's layout, such as us or de")
        _fits(LOCALE, self.locale, "--locale", "a locale, such as en_GB.UTF-8")
        if any(not character.isprintable() for character in self.password):
            raise BadInput("it has a character that nobody can type", ("--password-file",))


def host_name(node: str) -> str:
    """Make what a node's machine is called from the node's name, which may have characters that a host's may not."""
    return re.sub("[^A-Za-z0-9]+", "-", node).strip("-")


def keys(files: Sequence[Path]) -> tuple[str, ...]:
    """Read public keys of ssh, a line each; raises BadInput with file and line."""
    found = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            told = error.strerror if isinstance(error, OSError) else "it is no text"
            raise BadInput(f"can't be read: {told}", file=str(file)) from None
        if "PRIVATE KEY" in text:
            raise BadInput(
                f"is a private key, which never leaves your machine; expected its public half, {file}.pub",
                file=str(file),
            )
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                _check_key(line, str(file), number)
                found.append(line.strip())
    return tuple(dict.fromkeys(found))


def secret(file: Path) -> str:
    """Read a password from the first line of a file. Raises BadInput."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadInput(f"can't be read: {told}", file=str(file)) from None
    if not lines or not lines[0]:
        raise BadInput("is empty, expected a password in its first line", file=str(file))
    return lines[0]


def _check_key(line: str, file: str, number: int) -> None:
    kind, _, rest = line.strip().partition(" ")
    body = rest.partition(" ")[0]
    try:
        decoded = base64.b64decode(body, validate=True)
    except binascii.Error:
        decoded = b""
    named = decoded[4 : 4 + int.from_bytes(decoded[:4], "big")]
    if not KEY_KINDS.fullmatch(kind) or named != kind.encode() or not line.isprintable():
        raise BadInput(
            "is no public key of ssh, expected a line such as `ssh-ed25519 AAAA… me@laptop`: "
            "`ssh-keygen -t ed25519` makes one",
            file=file,
            line=number,
        )


def _fits(pattern: re.Pattern[str], text: str, argument: str, expected: str) -> None:
    if text and not pattern.fullmatch(text):
        raise BadInput(f"found {text!r}, expected {expected}", (argument,))


def _check_zone(name: str) -> None:
    zones = zoneinfo.available_timezones()
    if zones and name not in zones:
        hint = suggestion(name, _places(zones))
        meant = hint if hint.startswith("did you mean") else "such as Europe/Berlin"  # four hundred are no help
        raise BadInput(f"found {name!r}, expected a time zone; {meant}", ("--timezone",))


def _places(zones: set[str]) -> list[str]:
    return sorted(
        zone for zone in zones if "/" in zone and not zone.startswith(("Etc/", "SystemV/", "posix/", "right/"))
    )


def _countries() -> set[str]:
    """Read which countries there are; none where the system has no list."""
    try:
        lines = COUNTRIES.read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return {line[:2] for line in lines if not line.startswith("#")}
