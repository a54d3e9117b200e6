"""The site file: a lab in one file, checked whole: loading it gives what it means, or all that is wrong with it."""

from __future__ import annotations

import os
import zoneinfo
from pathlib import Path
from typing import Any

from msgspec import Struct

from telegraf_inputs import duration, yamlfile
from telegraf_inputs import stanza as stanzas
from telegraf_inputs.errors import BadInput, suggestion
from telegraf_inputs.fields import clashes, tags_named_as_fields
from telegraf_inputs.stanza import Stanza

from . import levels, limits, measurements
from .convert import convert
from .levels import Storage
from .limits import Limit
from .site_file import Alarms, ContactPoint, Node, Notifications, SiteFile, fields

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


class BadSite(BadInput):
    """All that is wrong with a site file; its text has one line for each of ``errors``."""

    def __init__(self, errors: list[BadInput]):
        super().__init__(errors[0].message, errors[0].path, errors[0].file, errors[0].line)
        self.errors = errors

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class SiteInstrument(Struct, frozen=True, kw_only=True):
    """One instrument: its checked ``stanza``, the ``data`` as they are written, its ``limits``.

    ``stale`` is how many seconds without data are an alarm; 0 switches that off.
    """

    stanza: Stanza
    data: dict[str, Any]
    limits: tuple[Limit, ...]
    stale: float

    @property
    def name(self) -> str:
        return str(self.stanza.name)

    @property
    def silence(self) -> float:
        """Tell over how many seconds the stale-data alarm looks for readings."""
        # Two reports make a difference, and the newest may still be on its way.
        return max(self.stale, 2 * self.stanza.interval + 15)

    @property
    def dwells(self) -> bool:
        """Tell whether a well instrument may have nothing new for longer than ``stale``: a scanner, busy with other channels."""
        return self.stanza.stale is None and bool(self.stanza.driver.turn > self.stale)

    @property
    def channel_stale(self) -> float:
        """Tell how many seconds without a good reading of one channel are an alarm; 0: none are.

        A scan takes its time; whoever says in the stanza how long silence may last knows it.
        """
        if not self.stale or self.stanza.stale is not None:
            return self.stale
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
    document = yamlfile.load(os.fspath(path))
    errors: list[BadInput] = []
    if not isinstance(document.data, dict):
        raise document.located(
            BadInput(f"found {_kind(document.data)}, expected a mapping with the keys {', '.join(fields(SiteFile))}")
        )
    site = _check(document.data, os.fspath(path), errors)
    if errors or site is None:
        for error in errors:
            document.located(error)
        errors.sort(key=lambda error: error.line or 0)
        raise BadSite(errors)
    return site


def _check(data: dict[str, Any], file: str, errors: list[BadInput]) -> Site | None:
    """Make the site of what was read; notes what is wrong in ``errors``, as much as can be seen at once."""
    written = _sections(data, errors)
    alarms = written.get("alarms", Alarms())
    _try(errors, _check_zone, written.get("zone", "browser"))
    _try(errors, _check_alarms, alarms)
    for index, point in enumerate(written.get("notifications", Notifications()).contact_points):
        _try(errors, _check_contact_point, point, path=("notifications", "contact_points", index))
    _try(
        errors,
        _check_names,
        [p.name for p in written.get("notifications", Notifications()).contact_points],
        path=("notifications", "contact_points"),
    )
    influxdb = _try(errors, levels.read, written["influxdb"], path=("influxdb",)) if "influxdb" in written else None
    instruments: list[SiteInstrument] = []
    places: dict[str, tuple[str, int]] = {}
    for index, stanza in enumerate(written.get("instruments", ())):
        path = ("instruments", index)
        made = _try(errors, _instrument, stanza, alarms, errors, path, path=path)
        if made is not None and influxdb is not None:
            _try(errors, _check_silence, made, influxdb.raw, path=path)
        if made is not None:
            instruments.append(made)
            places.setdefault(made.name, path)
    if "instruments" in written:
        _try(
            errors,
            _check_names,
            [_written_name(data) for data in written["instruments"]],
            path=("instruments",),
        )
    _try(errors, _check_places, instruments, places)
    for clash in clashes([i.stanza for i in instruments]):
        where = places[clash.stanza.name]
        errors.append(BadInput(clash.message, (*where, "channels", clash.channel.id)))
    for named, tag, message in tags_named_as_fields([i.stanza for i in instruments]):
        errors.append(BadInput(message, (*places[named.name], "tags", tag)))
    _try(errors, measurements.of_site, [i.stanza for i in instruments], path=("instruments",))
    if errors or influxdb is None:
        return None
    return Site(
        name=written["site"],
        title=written["title"] or written["site"],
        zone=written["zone"],
        file=file,
        nodes=written["nodes"],
        influxdb=influxdb,
        instruments=tuple(instruments),
        alarms=alarms,
        notifications=written["notifications"],
    )


def _kind(data: Any) -> str:
    if data is None:
        return "nothing"
    return "a list" if isinstance(data, list) else f"{data!r:.60}"


def _sections(data: dict[str, Any], errors: list[BadInput]) -> dict[str, Any]:
    """Read each top-level key by itself, so that a fault in one does not hide those in others."""
    known = fields(SiteFile)
    for key in data:
        if key not in known:
            errors.append(BadInput(f"is not a key of a site file; {suggestion(key, known)}", (key,)))
    # A stand-in for each key that must be there, so that msgspec looks at one key at a time.
    stand_in: dict[str, Any] = {"site": "x", "nodes": [{"name": "x"}], "instruments": [{}]}
    result = {}
    for key, info in known.items():
        alone = {k: v for k, v in stand_in.items() if k != key} | (
            {key: data[key]} if data.get(key) is not None else {}
        )
        try:
            result[key] = getattr(convert(alone, SiteFile), info.name)
        except BadInput as error:
            errors.append(error)
    return result


def _try(errors: list[BadInput], act: Any, *args: Any, path: tuple[Any, ...] = ()) -> Any:
    """Do one step of checking; what it finds wrong is noted, with ``path`` before its own."""
    try:
        return act(*args)
    except BadInput as error:
        error.path = (*path, *error.path)
        errors.append(error)
        return None


def _instrument(data: Any, alarms: Alarms, errors: list[BadInput], path: tuple[Any, ...]) -> SiteInstrument:
    """Read one instrument; mistakes in its limits go to ``errors``. Raises BadInput for others."""
    stanza = stanzas.check(data)
    found: list[Limit] = []
    for channel in stanza.channels:
        found += _try(errors, limits.of_channel, channel, alarms.for_, path=(*path, "channels", channel.id)) or ()
    stale = max(alarms.stale_minimum, alarms.stale_factor * stanza.interval) if stanza.stale is None else stanza.stale
    if 0 < stale < stanza.interval:
        raise BadInput(
            f"is {stale:g} s, shorter than the interval of {stanza.interval:g} s: such an alarm is always on",
            ("stale",),
        )
    return SiteInstrument(stanza=stanza, data=data, limits=tuple(found), stale=stale)


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


def _check_zone(zone: str) -> None:
    zones = zoneinfo.available_timezones()
    if zone != "browser" and zones and zone not in zones:  # a machine without tzdata knows none
        hint = suggestion(zone, zones | {"browser"})
        meant = f"; {hint}" if hint.startswith("did you mean") else ""  # six hundred zones are no help
        raise BadInput(f"found {zone!r}, expected a time zone such as Europe/Paris, or browser{meant}", ("zone",))


def _check_alarms(alarms: Alarms) -> None:
    if alarms.every <= 0 or alarms.every % 10:
        raise BadInput(
            f"is {alarms.every:g} s, expected a multiple of 10s: Grafana looks no oftener", ("alarms", "every")
        )


def _check_contact_point(point: ContactPoint) -> None:
    webhook = {
        "url": point.url,
        "url_file": point.url_file,
        "username": point.username,
        "password_file": point.password_file,
        "token_file": point.token_file,
    }
    if point.type == "email":
        if not point.addresses:
            raise BadInput("is missing; expected a list of e-mail addresses", ("addresses",))
        for index, address in enumerate(point.addresses):
            if (
                address.count("@") != 1
                or address.startswith("@")
                or address.endswith("@")
                or any(c in address for c in " ;,")
            ):
                raise BadInput(
                    f"found {address!r}, expected one e-mail address, such as lab@example.org", ("addresses", index)
                )
        if extra := [key for key, value in webhook.items() if value]:
            raise BadInput("belongs to a webhook, this contact point is an email", (extra[0],))
        return
    if point.addresses:
        raise BadInput("belongs to an email, this contact point is a webhook", ("addresses",))
    if bool(point.url) == bool(point.url_file):
        raise BadInput(
            "is needed: either url, or url_file where the URL is a secret"
            if not point.url
            else "stands beside url_file; keep one",
            ("url",),
        )
    if point.url and not point.url.startswith(("http://", "https://")):
        raise BadInput(f"found {point.url!r}, expected a URL that begins with https://", ("url",))
    if bool(point.username) != bool(point.password_file):
        raise BadInput("username and password_file go together", ("username" if point.username else "password_file",))
    if point.username and point.token_file:
        raise BadInput("stands beside username; keep one way to authenticate", ("token_file",))


def _written_name(data: Any) -> str | None:
    """Take the name out of a stanza that may be anything."""
    name = data.get("name") if isinstance(data, dict) else None
    return str(name) if isinstance(name, (str, int, float)) else None


def _check_names(names: list[str | None]) -> None:
    seen: dict[str, int] = {}
    for index, name in enumerate(names):
        if name is None:
            continue
        if name in seen:
            raise BadInput(
                f"{name!r} is already the name of number {seen[name] + 1} in this list; each needs its own",
                (index, "name"),
            )
        seen[name] = index


def _check_places(instruments: list[SiteInstrument], paths: dict[str, tuple[str, int]]) -> None:
    """Refuse what two instruments would use: they would take each other's answers, or be refused themselves."""
    seen: dict[str, str] = {}
    for instrument in instruments:
        stanza = instrument.stanza
        for place, path in stanza.driver.places(stanza) if stanza.connection.scheme != "sim" else ():
            if seen.get(place) == instrument.name:
                continue  # the same stanza twice: that the names are alike is told
            if place in seen:
                raise BadInput(
                    f"{place} is already used by {seen[place]!r}; it serves one instrument",
                    (*paths[instrument.name], *path),
                )
            seen[place] = instrument.name
