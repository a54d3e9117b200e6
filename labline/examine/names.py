"""The names of machines that the site file mentions: whether this one can look them up."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from telegraf_inputs import lookup, transports
from telegraf_inputs.errors import BadInput

from .finding import Examined, Finding

SECONDS = 8.0  # a resolver asks its servers several times


def findings(lab: Examined) -> Iterator[Finding]:
    """Look up each name once."""
    for host in dict.fromkeys(_hosts(lab)):
        try:
            found = lookup.addresses(host, None, SECONDS)
        except TimeoutError:
            yield Finding("name", f"{host}: no answer within {SECONDS:g} s", "does this machine reach its name server?")
        except OSError as error:
            cure = "is it written right? An address, or a line in /etc/hosts, does without a name server"
            yield Finding("name", f"{host}: {error.strerror or error}", cure)
        else:
            yield Finding("name", f"{host} is {sorted({str(entry[4][0]) for entry in found})[0]}")


def _hosts(lab: Examined) -> Iterator[str]:
    """List the hosts that are no addresses: of instruments on the network, of the database."""
    hosts = []
    for instrument in lab.site.enabled:
        url = instrument.stanza.connection
        if url.text and not instrument.stanza.simulated and transports.of(url).shared(url):
            try:
                hosts.append(url.host_port(1)[0])
            except BadInput:
                continue  # a place on the network without a host of its own, such as a Phidget's serial number
    if not lab.here:
        hosts.append(urlsplit(lab.site.influxdb.url).hostname or "")
    for host in hosts:
        try:
            ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            if host:
                yield host
