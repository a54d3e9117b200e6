"""The site file: a lab in one file, checked whole: loading it gives what it means, or all that is wrong with it."""

from __future__ import annotations

import os
import zoneinfo
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct, structs

from telegraf_inputs import duration, transports, yamlfile
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.errors import BadInput, Mistakes, noted, suggestion
from telegraf_inputs.fields import clashes, tags_named_as_fields
from telegraf_inputs.stanza import Channel, Stanza
from telegraf_inputs.url import HERE

from . import derived, levels, limits, measurements, written_units
from .contact_point import ContactPoint
from .convert import read_keys
from .levels import Storage
from .limits import Limit
from .site_file import OWN_KEYS, Alarms, Grafana, InfluxDBKeys, Node, Notifications, SiteFile, fields
from .uncollected import uncollected

__all__ = [
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
# So long after it last spoke a channel that is found in the data is one of its instrument's: it may be gone for good.
FOUND_SECONDS = 86400.0


class BadSite(Mistakes):
    """All that is wrong with a site file; its text has one line for each of ``errors``."""


class SiteInstrument(Struct, frozen=True, kw_only=True):
    """One instrument: its checked ``stanza``, the ``data`` as they are written, its ``limits``.

    ``node`` is the name of the one that reads it; ``stale`` how many seconds without data are an alarm, 0 for none.
    """

    node: str
    stanza: Stanza
    data: dict[str, Any]
    limits: tuple[Limit, ...]
    stale: float

    @property
    def name(self) -> str:
        return str(self.stanza.name)

    @property
    def enabled(self) -> bool:
        """Tell whether it is read; one that is not keeps its dashboards and data, and has no alarms."""
        return bool(self.stanza.enabled)

    @property
    def reports(self) -> bool:
        """Tell whether its program reports how it is, in measurement ``instrument``; else it lives as long as points come."""
        return bool(self.stanza.driver.alive_by == "report")

    @property
    def computed(self) -> bool:
        """Tell whether it is computed of other instruments: it is silent where they are, and nothing else is told of it."""
        return derived.is_derived(self.stanza)

    @property
    def silence(self) -> float:
        """Tell over how many seconds the stale-data alarm looks for readings."""
        # Two reports make a difference, and the newest may still be on its way.
        return max(self.stale, 2 * self.stanza.interval + 15)

    @property
    def dwells(self) -> bool:
        """Tell whether a well instrument may have nothing new for longer than ``stale``.

        A scanner may be busy with other channels; of a source of events alone, nothing may happen.
        """
        events = all(channel.stream.kind == "event" for channel in self.stanza.declared)
        return self.stanza.stale is None and (events or bool(self.stanza.driver.turn > self.stale))

    @property
    def channel_stale(self) -> float:
        """Tell how many seconds without a good reading of one channel are a gap; 0: none are.

        A scan takes its time; whoever says in the stanza how long silence may last knows it.
        """
        if not self.stale or self.stanza.stale is not None:
            return self.stale
        return float(max(self.stale, self.stanza.driver.turn))

    def missed_after(self, channel: Channel) -> float:
        """Tell how many seconds without a good reading of this channel are an alarm; 0: none are, as of events.

        A channel of a scanner may be out for a whole round, however soon the scanner's silence is told.
        """
        if not self.stale or (channel.stream.kind == "event" and self.stanza.stale is None):
            return 0.0
        return float(max(self.stale, self.stanza.driver.turn))


class Site(Struct, frozen=True, kw_only=True):
    """A lab. ``zone`` is a time zone's name, or "browser"; all durations are in seconds."""

    name: str
    title: str
    zone: str
    file: str
    nodes: tuple[Node, ...]
    influxdb: Storage
    instruments: tuple[SiteInstrument, ...]
    alarms: Alarms
    notifications: Notifications
    grafana: Grafana

    @property
    def server(self) -> Node:
        """The node that has InfluxDB and Grafana."""
        return next((node for node in self.nodes if node.server), self.nodes[0])

    def of_node(self, node: Node) -> tuple[SiteInstrument, ...]:
        """List the instruments that a node reads."""
        return tuple(instrument for instrument in self.enabled if instrument.node == node.name)

    @property
    def enabled(self) -> tuple[SiteInstrument, ...]:
        """List the instruments that are read."""
        return tuple(instrument for instrument in self.instruments if instrument.enabled)


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
        _check_zone(written.get("zone", "browser"))
    with noted(errors, "notifications", "contact_points") as found:
        found += _same_names(_written_names(data.get("notifications"), "contact_points"))
    nodes: tuple[Node, ...] = written.get("nodes", ())
    with noted(errors, "nodes") as found:
        found += [*_same_names(_written_names(data, "nodes")), *_second_server(nodes)]
    node_names = list(dict.fromkeys(name for name in _written_names(data, "nodes") if name is not None))
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
                _check_silence(made, influxdb.raw)
                found += _longer_than_kept(made, influxdb.raw)
        if made is not None:
            instruments.append(made)
            places.setdefault(made.name, ("instruments", index))
    if instruments and not errors and not any(instrument.enabled for instrument in instruments):
        errors.append(BadInput("none of them is enabled; expected at least one that is read", ("instruments",)))
    with noted(errors, "instruments") as found:
        found += _same_names(_written_names(data, "instruments"))
        found += measurements.same_names(measurements.of_site(i.stanza for i in instruments))
    errors += _shared_places(instruments, places)
    if influxdb is not None:
        if influxdb.write:
            with noted(errors, "influxdb", "write", "url"):
                _check_reach(influxdb.write.url, nodes)
        else:
            with noted(errors, "influxdb", "url"):
                _check_reach(influxdb.url, nodes)
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


def _check_silence(instrument: SiteInstrument, raw: float) -> None:
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


def _longer_than_kept(instrument: SiteInstrument, raw: float) -> Iterator[BadInput]:
    """Find limits whose readings are dropped before their wait is over."""
    for limit in instrument.limits:
        if raw and limit.for_ > raw:
            yield BadInput(
                f"is {duration.words(limit.for_)}, but every reading is kept for {duration.words(raw)}; "
                "expected a longer influxdb.retention.raw, or a shorter time",
                ("channels", limit.channel.id, "limits", limit.quantity.name, "for"),
            )


def _second_server(nodes: tuple[Node, ...]) -> Iterator[BadInput]:
    """Find nodes beside the first one that say they are the server."""
    first, *others = [index for index, node in enumerate(nodes) if node.server] or [0]
    for index in others:
        yield BadInput(f"is so already of {nodes[first].name!r}; one node has InfluxDB and Grafana", (index, "server"))


def _check_reach(url: str, nodes: tuple[Node, ...]) -> None:
    """Refuse a database that only its own machine reaches, where others write into it."""
    if len(nodes) > 1 and urlsplit(url).hostname in HERE:
        server = next((node for node in nodes if node.server), nodes[0])
        others = ", ".join(node.name for node in nodes if node is not server)
        raise BadInput(
            f"{url} is each machine itself, but {others} writes there, too; expected the address of {server.name}, such "
            f"as {url.partition('//')[0]}//{server.address or server.name}:{urlsplit(url).port}"
        )


def _check_zone(zone: str) -> None:
    zones = zoneinfo.available_timezones()
    if zone != "browser" and zones and zone not in zones:  # a machine without tzdata knows none
        hint = suggestion(zone, zones | {"browser"})
        meant = f"; {hint}" if hint.startswith("did you mean") else ""  # six hundred zones are no help
        raise BadInput(f"found {zone!r}, expected a time zone such as Europe/Paris, or browser{meant}")


def _written_names(data: Any, key: str) -> list[str | None]:
    """Take the names out of the list at a key, where there is one: whatever else is wrong in it."""
    found = data.get(key) if isinstance(data, dict) else None
    each = found if isinstance(found, list) else ()
    names = [item.get("name") if isinstance(item, dict) else None for item in each]
    return [str(name) if isinstance(name, (str, int, float)) else None for name in names]


def _same_names(names: list[str | None]) -> Iterator[BadInput]:
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


def occupied(instrument: SiteInstrument) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Give what an instrument uses that serves one only: its node ("": the network), the place, the path of the key that names it."""
    stanza = instrument.stanza
    if stanza.simulated or not stanza.enabled:
        return
    url = stanza.connection
    node = "" if url.text and transports.of(url).shared(url) else instrument.node
    for place, path in stanza.driver.places(stanza):
        yield node, place, path


def _shared_places(instruments: list[SiteInstrument], paths: dict[str, tuple[str, int]]) -> Iterator[BadInput]:
    """Find what two instruments would use: they would take each other's answers, or be refused themselves."""
    seen: dict[tuple[str, str], str] = {}
    for instrument in instruments:
        for node, place, path in occupied(instrument):
            if seen.get((node, place)) == instrument.name:
                continue  # the same stanza twice: that the names are alike is told
            if (node, place) in seen:
                yield BadInput(
                    f"{place} is already used by {seen[node, place]!r}; it serves one instrument",
                    (*paths[instrument.name], *path),
                )
            seen.setdefault((node, place), instrument.name)
