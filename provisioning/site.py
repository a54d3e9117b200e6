"""The site file: a lab in one file, checked whole: loading it gives what it means, or all that is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from telegraf_inputs import stanza as stanzas
from telegraf_inputs import yamlfile
from telegraf_inputs.errors import BadInput, Mistakes, noted, suggestion
from telegraf_inputs.fields import clashes, tags_named_as_fields
from telegraf_inputs.stanza import Stanza

from . import derived, levels, limits, measurements, written_units
from . import site_conflicts as conflicts
from .contact_point import ContactPoint
from .convert import read_keys
from .levels import Storage
from .limits import Limit
from .site_file import OWN_KEYS, Alarms, InfluxDBKeys, Node, Notifications, SiteFile, fields
from .site_model import FOUND_SECONDS, Site, SiteInstrument
from .uncollected import uncollected

__all__ = [
    "FOUND_SECONDS",
    "SITES",
    "Alarms",
    "BadSite",
    "ContactPoint",
    "Limit",
    "Node",
    "Notifications",
    "Site",
    "SiteInstrument",
    "Storage",
    "find",
    "load",
]

SITES = Path(__file__).parent / "sites"


class BadSite(Mistakes):
    """All that is wrong with a site file; its text has one line for each of ``errors``."""


def find(name: str) -> Path:
    """Find a site file by its path, or by the name of one that comes with labline. Raises BadInput."""
    path = Path(name)
    if os.sep in name or path.suffix in (".yml", ".yaml") or path.is_file():
        return path
    known = sorted(p.stem for p in SITES.glob("*.yml"))
    if name not in known:
        raise BadInput(f"there is no file and no site {name!r}; {suggestion(name, known)}")
    return SITES / f"{name}.yml"


def load(path: str | os.PathLike[str]) -> Site:
    """Read and check a site file. Raises BadInput (BadSite: several things are wrong) with file, line and path."""
    with uncollected():
        return _load(yamlfile.load(os.fspath(path)))


def parse(text: str, file: str) -> Site:
    """Check the text of a site file; ``file`` is where it is from. Raises BadInput as ``load`` does."""
    return _load(yamlfile.parse(text, file))


def _load(document: yamlfile.Document) -> Site:
    errors: list[BadInput] = []
    if not isinstance(document.data, dict):
        raise document.located(
            BadInput(f"found {_kind(document.data)}, expected a mapping with the keys {', '.join(fields(SiteFile))}")
        )
    site = _check(document.data, document.file, errors)
    if errors or site is None:
        for error in errors:
            document.located(error)
        errors.sort(key=lambda error: error.line or 0)
        raise BadSite(errors)
    return site


def _check(data: dict[str, Any], file: str, errors: list[BadInput]) -> Site | None:
    """Make the site of what was read; notes what is wrong in ``errors``, as much as can be seen at once."""
    data = {key: value for key, value in data.items() if not key.startswith(OWN_KEYS)}
    written = read_keys(data, SiteFile, errors, "of a site file")
    alarms = written.get("alarms", Alarms())
    with noted(errors, "zone"):
        conflicts.check_zone(written.get("zone", "browser"))
    with noted(errors, "notifications", "contact_points") as found:
        found += conflicts.same_names(conflicts.written_names(data.get("notifications"), "contact_points"))
    nodes: tuple[Node, ...] = written.get("nodes", ())
    with noted(errors, "nodes") as found:
        found += [
            *conflicts.same_names(conflicts.written_names(data, "nodes")),
            *conflicts.second_server(nodes),
            *conflicts.ways_by_ssh(nodes),
        ]
    node_names = list(dict.fromkeys(name for name in conflicts.written_names(data, "nodes") if name is not None))
    influxdb = None
    with noted(errors, "influxdb") as found:
        if "influxdb" in written:
            influxdb = levels.read(written["influxdb"], found)
        elif "retention" in (known := read_keys(data.get("influxdb"), InfluxDBKeys, [])):
            levels.read_retention(known["retention"], found)
    if isinstance(data.get("instruments"), dict) and "driver" in data["instruments"]:
        _say_list(errors)
    instruments: list[SiteInstrument] = []
    places: dict[str, tuple[str, int]] = {}
    for index, read in enumerate(_stanzas(written.get("instruments", ()), node_names, errors)):
        made = None
        with noted(errors, "instruments", index) as found:
            made = _instrument(read, node_names, alarms, found)
            found += measurements.taken(made.stanza) if made is not None else ()
            if made is not None and influxdb is not None:
                conflicts.check_silence(made, influxdb.raw)
                found += conflicts.longer_than_kept(made, influxdb.raw)
        if made is not None:
            instruments.append(made)
            places.setdefault(made.name, ("instruments", index))
    if instruments and not errors and not any(instrument.enabled for instrument in instruments):
        errors.append(BadInput("none of them is enabled; expected at least one that is read", ("instruments",)))
    with noted(errors, "instruments") as found:
        found += conflicts.same_names(conflicts.written_names(data, "instruments"))
        found += measurements.same_names(measurements.of_site(i.stanza for i in instruments))
    errors += conflicts.shared_places(instruments, places)
    if influxdb is not None:
        with noted(errors, "nodes") as found:
            found += conflicts.taken_ports(nodes, influxdb.url, influxdb.write.url if influxdb.write else "")
        if influxdb.write:
            with noted(errors, "influxdb", "write", "url"):
                conflicts.check_reach(influxdb.write.url, nodes)
        else:
            with noted(errors, "influxdb", "url"):
                conflicts.check_reach(influxdb.url, nodes)
    token = influxdb.write.token_file if influxdb is not None and influxdb.write else ""
    points = written.get("notifications", Notifications()).contact_points
    errors += conflicts.own_passwords(instruments, places, points, token)
    for clash in clashes([i.stanza for i in instruments]):
        errors.append(BadInput(clash.message, (*places[clash.stanza.name], "channels", clash.channel.id)))
    for named, tag, message in tags_named_as_fields([i.stanza for i in instruments]):
        errors.append(BadInput(message, (*places[named.name], "tags", tag)))
    if errors or influxdb is None:
        return None
    return Site(
        name=written["site"],
        title=written["title"] or written["site"],
        zone=written["zone"],
        file=file,
        nodes=nodes,
        influxdb=influxdb,
        instruments=tuple(instruments),
        alarms=alarms,
        notifications=written["notifications"],
        grafana=written["grafana"],
    )


def _say_list(errors: list[BadInput]) -> None:
    """Tell of an instrument that stands where a list of them should."""
    for error in errors:
        if error.path == ("instruments",):
            error.message = "found one instrument's keys, expected a list: each instrument begins with '- '"


def _kind(data: Any) -> str:
    if data is None:
        return "nothing"
    return "a list" if isinstance(data, list) else f"{data!r:.60}"


class _Read(Struct, frozen=True, kw_only=True):
    """An instrument as it is written: ``stanza`` is what could be understood of ``data``, ``wrong`` are keys with mistakes."""

    stanza: Stanza | None
    data: Any
    wrong: set[tuple[Any, ...]]


def _stanzas(given: Iterable[Any], nodes: list[str], errors: list[BadInput]) -> Iterator[_Read]:
    """Read what each instrument is, and how those are computed that are derived of others."""
    found: list[_Read] = []
    for index, data in enumerate(given):
        stanza, place = None, ("instruments", index)
        with noted(errors, *place) as wrong:
            stanza = stanzas.check_all(data, wrong)
        keys = {error.path[len(place) :][:1] for error in wrong}
        found.append(_Read(stanza=stanza, data=data, wrong=keys))
    known = [each.stanza for each in found if each.stanza is not None]
    # What an expression names may be just what is wrong.
    whole = len({stanza.name for stanza in known}) == len(found) and not any(each.wrong for each in found)
    paced = {each.stanza.name for each in found if each.stanza and each.data.get("interval") is not None}
    mistakes = list(derived.plan(known, nodes[0] if nodes else "", paced)) if whole else []
    for stanza, mistake in mistakes:
        index = next(index for index, each in enumerate(found) if each.stanza is stanza)
        mistake.path = ("instruments", index, *mistake.path)
        errors.append(mistake)
    for each in found:
        unknown = each.stanza is not None and derived.is_derived(each.stanza) and (mistakes or not whole)
        yield structs.replace(each, stanza=None) if unknown else each


def _instrument(read: _Read, nodes: list[str], alarms: Alarms, errors: list[BadInput]) -> SiteInstrument | None:
    """Make one instrument, which one of ``nodes`` reads; mistakes go to ``errors``, with their path inside it."""
    stanza, data, wrong = read.stanza, read.data, read.wrong
    limits.check_empty(data, errors)
    slips = list(written_units.slips(data))
    errors += slips
    limits.check_keys(data, {channel.id for channel in stanza.channels} if stanza else (), errors)
    if stanza is None:
        return None
    if stanza.node and nodes and stanza.node not in nodes and ("node",) not in wrong:
        errors.append(BadInput(f"there is no node {stanza.node!r}; {suggestion(stanza.node, nodes)}", ("node",)))
    interval = 0.0 if ("interval",) in wrong else stanza.interval
    found: list[Limit] = []
    spoilt = {slip.path[1] for slip in slips if slip.path[0] == "channels"}
    for channel in stanza.channels:
        if channel.id in spoilt:  # nothing converts to its unit: that is told
            continue
        with noted(errors, "channels", channel.id) as of_channel:
            found += limits.of_channel(channel, alarms.for_, interval, of_channel)
    stale = max(alarms.stale_minimum, alarms.stale_factor * stanza.interval) if stanza.stale is None else stanza.stale
    if 0 < stale < interval and ("stale",) not in wrong:
        errors.append(
            BadInput(
                f"is {stale:g} s, shorter than the interval of {stanza.interval:g} s: such an alarm is always on",
                ("stale",),
            )
        )
    if wrong:
        return None
    node = stanza.node or (nodes[0] if nodes else "")
    return SiteInstrument(node=node, stanza=stanza, data=data, limits=tuple(found), stale=stale)
