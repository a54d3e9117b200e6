"""Asks who is on a line, with the drivers' own identification, and with nothing that is not on the list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from telegraf_inputs import drivers, transports
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.declare import Probe
from telegraf_inputs.errors import BadAnswer, BadInput, Disconnected, InstrumentError, WrongDevice
from telegraf_inputs.source import Polled
from telegraf_inputs.stop import Stop
from telegraf_inputs.url import Url

from .finding import FoundPlace

TIMEOUT = 0.6  # seconds; each of these instruments answers within 0.3
ATTEMPTS = 2  # what the last probe sent at another speed may spoil the first question


def known() -> list[tuple[type[Polled], Probe]]:
    """List what is tried on a line of text: what the drivers declare, the generic ones last."""
    asked = (driver for driver in map(drivers.load, drivers.programs()) if issubclass(driver, Polled))
    every = [(driver, probe) for driver in asked for probe in driver.probes]
    return sorted(every, key=lambda pair: pair[1].generic)


def allowed() -> frozenset[bytes]:
    """List all that a scan may send, without terminators."""
    return frozenset(sent for _, probe in known() for sent in probe.sends)


class NotAllowed(Exception):
    """A driver wanted to send something that is not on the list."""


def probe(url: str) -> Iterator[FoundPlace | str]:
    """Try one line with each driver's settings until somebody answers. Raises Disconnected where it can't be opened."""
    heard = []
    silent: set[tuple[type[Polled], tuple[bytes, ...]]] = set()  # what nobody answers is asked once
    for driver, asking in known():
        keys = asking.keys
        if Url(url).scheme not in driver.schemes or (driver, asking.sends) in silent:
            continue
        said, good = _ask(driver, url, keys)
        if not said:
            silent.add((driver, asking.sends))
        if good and any(
            c.isalpha() for c in said.partition(",")[0]
        ):  # whoever sends numbers by itself is no maker's name
            yield FoundPlace(url, f"{said} ({driver.title})", driver.found(url, said, keys))
            return
        if said and said not in heard:
            heard.append(said)
    if heard:
        yield FoundPlace(url, "something answers, but no driver knows it", notes=heard)
    else:
        yield FoundPlace(url, "nothing that a driver knows answers")


def _ask(driver: Any, url: str, keys: Mapping[str, str]) -> tuple[str, bool]:
    """Ask for the identity by one driver: what was said, and whether it is the driver's instrument."""
    data = {**yaml.safe_load(driver.example), **keys, "connection": url, "timeout": f"{TIMEOUT}s"}
    if driver.channel_names is not None:  # those of the example may be of another model
        del data["channels"]
    stanza = stanzas.check({key: value for key, value in data.items() if value != ""})
    stanza.options.update({key: value or None for key, value in keys.items() if key in stanza.options})
    link = driver.open_link(stanza.connection, stanza, Stop())
    try:
        _only_allowed(link, driver.wire.send)
        for attempt in range(ATTEMPTS):
            try:
                return driver(stanza, link).identify(), True
            except WrongDevice as error:
                return str(error), False
            except Disconnected:
                raise
            except BadAnswer as error:
                if attempt == ATTEMPTS - 1:
                    return str(error), False
                link.discard(quiet=0.1)
            except InstrumentError:
                link.discard(quiet=0.05)
    finally:
        link.close()
    return "", False


def _only_allowed(link: Any, terminator: bytes) -> None:
    """Make a line refuse to send anything that is not on the list."""
    send = link.send_bytes

    def guarded(data: bytes, *args: Any, **named: Any) -> None:
        if data.removesuffix(terminator) not in allowed():
            raise NotAllowed(f"a scan does not send {data!r}")
        send(data, *args, **named)

    link.send_bytes = guarded


def listed(url: str) -> str:
    """Check a URL that a person gave; a device's path is one too. Raises BadInput."""
    text = f"serial://{url}" if url.startswith("/") else url
    if not transports.of(Url(text)).carries_text:
        known = " or ".join(f"{name}://" for name in transports.names() if transports.load(name).carries_text)
        raise BadInput(
            f"{url!r} is no line of text; expected a device such as /dev/ttyUSB0, or a URL that begins with {known}"
        )
    return text
