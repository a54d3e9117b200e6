"""What in a site file does not go together: names, servers, addresses, places that serve one, times that are kept."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from telegraf_inputs import duration
from telegraf_inputs.errors import BadInput, suggestion
from telegraf_inputs.url import HERE

from . import own_passwords as own
from .contact_point import SECRET_FILES, ContactPoint
from .site_file import Node
from .site_model import SiteInstrument

GRAFANA_PORT, BACKUP_PORT = 3000, 8088  # on the server's loopback


def check_silence(instrument: SiteInstrument, raw: float) -> None:
    """Refuse a stale-data alarm that would look for readings that are dropped already."""
    if not instrument.stale or not raw or instrument.silence <= raw:
        return
    back, shorter = duration.words(instrument.stale), "a shorter stale"
    if instrument.silence > instrument.stale:
        back, shorter = (
            f"more than two intervals of {duration.words(instrument.stanza.interval)}",
            "stale: 0s: no such alarm",
        )
    raise BadInput(
        f"the stale-data alarm looks back {back}, but every reading is kept for {duration.words(raw)}; "
        f"expected a longer influxdb.retention.raw, or {shorter}",
        ("stale" if instrument.stanza.stale is not None else "interval",),
    )


def longer_than_kept(instrument: SiteInstrument, raw: float) -> Iterator[BadInput]:
    """Find limits whose readings are dropped before their wait is over."""
    for limit in instrument.limits:
        if raw and limit.for_ > raw:
            yield BadInput(
                f"is {duration.words(limit.for_)}, but every reading is kept for {duration.words(raw)}; "
                "expected a longer influxdb.retention.raw, or a shorter time",
                ("channels", limit.channel.id, "limits", limit.quantity.name, "for"),
            )


def second_server(nodes: tuple[Node, ...]) -> Iterator[BadInput]:
    """Find nodes beside the first one that say they are the server."""
    first, *others = [index for index, node in enumerate(nodes) if node.server] or [0]
    for index in others:
        yield BadInput(f"is so already of {nodes[first].name!r}; one node has InfluxDB and Grafana", (index, "server"))


def ways_by_ssh(nodes: tuple[Node, ...]) -> Iterator[BadInput]:
    """Find tunnels that end at one port or lead to the server itself, and nodes that are reached by themselves."""
    server = next((node for node in nodes if node.server), nodes[0] if nodes else None)
    by_name = {node.name: node for node in nodes}
    ends: dict[int, str] = {}
    for index, node in enumerate(nodes):
        port = node.ssh.tunnel_port
        if port and node is server:
            yield BadInput(
                "is of the server, where tunnels end; it needs an address, or a jump", (index, "ssh", "tunnel_port")
            )
        elif port and port in ends:
            yield BadInput(
                f"{port} is that of {ends[port]!r} already; each tunnel has its own", (index, "ssh", "tunnel_port")
            )
        elif port:
            ends[port] = node.name
        passed, here = {node.name}, node
        while here.ssh.jump in by_name or (here.ssh.tunnel_port and server and here is not server):
            here = by_name.get(here.ssh.jump, server or here)
            if here.name in passed:
                yield BadInput("leads round in a circle; one node of it needs a way of its own", (index, "ssh", "jump"))
                break
            passed.add(here.name)


def taken_ports(nodes: tuple[Node, ...], influxdb: str, proxy: str) -> Iterator[BadInput]:
    """Find tunnels that end at a port where something of the server's own listens; ``influxdb`` and ``proxy`` are URLs, or empty."""
    server = next((node for node in nodes if node.server), nodes[0] if nodes else None)
    if server is None:
        return
    taken = {GRAFANA_PORT: "Grafana's", BACKUP_PORT: "InfluxDB's for backups", server.ssh.port: "sshd's"}
    taken |= {urlsplit(influxdb).port or 8086: "InfluxDB's"}
    if proxy and urlsplit(proxy).hostname not in HERE:
        taken |= {urlsplit(proxy).port or 443: "the proxy's"}
    for index, node in enumerate(nodes):
        if (port := node.ssh.tunnel_port) in taken and node is not server:
            yield BadInput(
                f"{port} is {taken[port]} on {server.name}; expected a port that nothing has there, such as 20001",
                (index, "ssh", "tunnel_port"),
            )


def check_reach(url: str, nodes: tuple[Node, ...]) -> None:
    """Refuse a database that only its own machine reaches, where others write into it and no tunnel of theirs carries that."""
    if not nodes or urlsplit(url).hostname not in HERE:
        return
    server = next((node for node in nodes if node.server), nodes[0])
    others = ", ".join(node.name for node in nodes if node is not server and not node.ssh.tunnel_port)
    if others:
        host = server.address or server.name
        if ":" in host:  # of IPv6
            host = f"[{host}]"
        raise BadInput(
            f"{url} is each machine itself, but {others} writes there, too; expected the address of {server.name}, such "
            f"as {url.partition('//')[0]}//{host}:{urlsplit(url).port}, or an ssh.tunnel_port of "
            "such a node: its tunnel carries what it writes, too"
        )


def check_zone(zone: str) -> None:
    """Refuse a time zone that this machine does not know."""
    zones = zoneinfo.available_timezones()
    if zone != "browser" and zones and zone not in zones:  # a machine without tzdata knows none
        hint = suggestion(zone, zones | {"browser"})
        meant = f"; {hint}" if hint.startswith("did you mean") else ""  # six hundred zones are no help
        raise BadInput(f"found {zone!r}, expected a time zone such as Europe/Paris, or browser{meant}")


def written_names(data: Any, key: str) -> list[str | None]:
    """Take the names out of the list at a key, where there is one: whatever else is wrong in it."""
    found = data.get(key) if isinstance(data, dict) else None
    each = found if isinstance(found, list) else ()
    names = [item.get("name") if isinstance(item, dict) else None for item in each]
    return [str(name) if isinstance(name, (str, int, float)) else None for name in names]


def same_names(names: list[str | None]) -> Iterator[BadInput]:
    """Find names that stand twice in one list."""
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        if name is None:
            continue
        if name in seen:
            yield BadInput(
                f"{name!r} is already the name of number {seen[name] + 1} in this list; each needs its own",
                (index, "name"),
            )
        seen.setdefault(name, index)


def shared_places(instruments: list[SiteInstrument], paths: dict[str, tuple[str, int]]) -> Iterator[BadInput]:
    """Find what two instruments would use: they would take each other's answers, or be refused themselves."""
    seen: dict[tuple[str, str], str] = {}
    for instrument in instruments:
        for node, place, path in instrument.occupies():
            if seen.get((node, place)) == instrument.name:
                continue  # the same stanza twice: that the names are alike is told
            if (node, place) in seen:
                yield BadInput(
                    f"{place} is already used by {seen[node, place]!r}; it serves one instrument",
                    (*paths[instrument.name], *path),
                )
            seen.setdefault((node, place), instrument.name)


def own_passwords(
    instruments: list[SiteInstrument], paths: dict[str, tuple[str, int]], points: tuple[ContactPoint, ...], token: str
) -> Iterator[BadInput]:
    """Find files of passwords that would be labline's own, or ``token``, that of a node: they lie in one folder."""
    named: list[tuple[tuple[str | int, ...], str | None]] = [
        ((*paths[instrument.name], key), instrument.stanza.options[key])
        for instrument in instruments
        for key in getattr(instrument.stanza.driver, "secret_options", ())
    ]
    named += [
        (("notifications", "contact_points", index, key), getattr(point, key))
        for index, point in enumerate(points)
        for key in SECRET_FILES
    ]
    for path, name in named:
        if name and name in (*own.ALL, token):
            yield BadInput(f"{name!r} is the file of one of labline's own passwords; expected another name", path)
