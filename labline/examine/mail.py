"""The mail server that Grafana is told of: whether it can be reached, says hello, knows the user, and takes a mail."""

from __future__ import annotations

import configparser
import os
import re
import smtplib
import ssl
from collections.abc import Iterator, Mapping
from email.message import EmailMessage
from pathlib import Path

from .finding import Examined, Finding

SETTINGS = Path("/etc/grafana/grafana.ini")
SECONDS = 10.0
FILE = re.compile(r"\$__file\{(.+)\}\Z")
HOW = "docs/site-file.md says how Grafana is told of one"


def findings(lab: Examined) -> Iterator[Finding]:
    """Say hello to the mail server; with ``lab.mail`` send one mail to all who get alarms."""
    points = [point for point in lab.site.notifications.contact_points if point.type == "email"]
    if not points:
        if lab.mail:
            yield Finding("mail", "the site file has no contact point of type email", "notifications.contact_points")
        return
    settings = _settings()
    if settings.get("enabled", "").lower() not in ("true", "1") or not settings.get("host"):
        simulated = all(instrument.stanza.simulated for instrument in lab.site.instruments)  # it alarms nobody
        yield Finding("mail", "Grafana is told of no mail server: alarms reach nobody by mail", HOW, note=simulated)
        return
    addresses = sorted({address for point in points for address in point.addresses})
    try:
        yield Finding("mail", _spoken_to(settings, lab.site.title, addresses if lab.mail else []))
    except (OSError, smtplib.SMTPException, ValueError) as error:
        said = (
            getattr(error, "smtp_error", b"").decode(errors="replace") or getattr(error, "strerror", "") or str(error)
        )
        yield Finding("mail", f"{settings['host']}: {said!r}", "host, port, user, password? " + HOW)


def _settings() -> Mapping[str, str]:
    """Read what Grafana is told, in its environment or in its file, by the names of ``[smtp]``."""
    found: dict[str, str] = {}
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, comment_prefixes=("#", ";"))
    try:
        parser.read(SETTINGS, encoding="utf-8")
        found = (
            {key: (value or "").strip('"') for key, value in parser.items("smtp")} if parser.has_section("smtp") else {}
        )
    except (OSError, configparser.Error, UnicodeDecodeError):
        pass  # it is not ours; what is in the environment counts more anyway
    start = "GF_SMTP_"
    return found | {
        name.removeprefix(start).lower(): text for name, text in os.environ.items() if name.startswith(start)
    }


def _spoken_to(settings: Mapping[str, str], title: str, addresses: list[str]) -> str:
    """Connect as Grafana does, and tell how far that went. Raises OSError, SMTPException, ValueError."""
    host, _, port = settings["host"].rpartition(":")
    host, port = (host, port) if host else (port, "25")
    if not port.isdigit():
        raise ValueError(f"{port!r} is no port")
    # Grafana speaks TLS from the first byte on port 465, and else where the server offers it.
    context = ssl.create_default_context()
    if settings.get("skip_verify", "").lower() in ("true", "1"):
        context = ssl._create_unverified_context()  # noqa: S323
    kind = (
        smtplib.SMTP_SSL(host, int(port), timeout=SECONDS, context=context)
        if port == "465"
        else smtplib.SMTP(host, int(port), timeout=SECONDS)
    )
    with kind as server:
        server.ehlo()
        secure = port == "465"
        if not secure and server.has_extn("starttls") and settings.get("starttls_policy", "") != "NoStartTLS":
            server.starttls(context=context)
            server.ehlo()
            secure = True
        if settings.get("user"):
            server.login(settings["user"], _secret(settings.get("password", "")))
        told = f"{host}:{port} says hello{', with TLS' if secure else ''}{', and knows the user' if settings.get('user') else ''}"
        if not addresses:
            return told
        message = EmailMessage()
        message["From"] = settings.get("from_address", "") or f"labline@{host}"
        message["To"] = ", ".join(addresses)
        message["Subject"] = f"{title}: a mail that was asked for (labline doctor --mail)"
        message.set_content("Alarms reach this address by this mail server. Nothing is wrong; nothing is to be done.\n")
        server.send_message(message)
    return f"{told}; a mail is on its way to {', '.join(addresses)}"


def _secret(text: str) -> str:
    """Read a password that is a file's (``$__file{/path}``), as Grafana does. Raises OSError."""
    match = FILE.match(text)
    return Path(match[1]).read_text(encoding="utf-8").strip() if match else text
