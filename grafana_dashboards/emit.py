"""The files that Grafana provisions: one serializer, the same bytes each time, checked before anything is written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml
from grafanalib._gen import DashboardEncoder

from provisioning import files, grafana_text
from provisioning.influxdb_schema import READER
from provisioning.site import Site, SiteInstrument
from provisioning.telegraf_config import HEADER
from provisioning.uncollected import uncollected
from telegraf_inputs import duration

from . import alerts, check, messages, notifications, style
from .check_alerting import CONTACTS, DATASOURCES, POLICIES, RULES, TEMPLATES
from .dashboards import every
from .places import DASHBOARDS, PROVIDER, placed
from .provision import DATASOURCE_UID, ORG, DataSource, Provider
from .uids import uid

MOST_TRIED = 1000  # channels
# What grafanalib writes for Grafanas of long ago, by the key below which it stands.
DEAD = {
    "": {"__inputs", "rows", "style", "hideControls", "sharedCrosshair", "gnetId", "id", "version"},
    "panels": {
        "cacheTimeout",
        "editable",
        "error",
        "height",
        "hideTimeOverride",
        "links",
        "minSpan",
        "span",
        "transparent",
    },
    "list": {"useTags", "tagsQuery", "tagValuesQuery", "auto", "auto_min", "auto_count"},
    "targets": {"measurement"},
    "timepicker": {"time_options"},
}


class GrafanaPaths(msgspec.Struct, frozen=True, kw_only=True):
    """Where things are on Grafana's machine, as Grafana reads them: ``$NAME``, ``$__env{NAME}`` and ``$__file{PATH}`` are expanded."""

    dashboards: str = f"$GF_PATHS_PROVISIONING/{DASHBOARDS}"
    reader_password: str = "$__env{LABLINE_READER_PASSWORD}"
    secrets: str = "/etc/labline/secrets"  # what the site file calls by the names of files


def grafana_paths(secrets: str, own: str | None = None) -> GrafanaPaths:
    """Tell where Grafana finds passwords: in ``secrets``, but the reader's in its environment; all in a folder of its ``own``."""
    if own is None:
        return GrafanaPaths(secrets=secrets)
    return GrafanaPaths(secrets=own, reader_password=grafana_text.file(f"{own}/{READER}"))


class InvalidForGrafana(Exception):
    """What was made is not what Grafana takes: a fault of this package, told before anything is written."""


def render(
    site: Site, paths: GrafanaPaths | None = None, before: Path | None = None, beside: Sequence[Site] = ()
) -> dict[str, str]:
    """Make Grafana's files: kind of file -> text. Raises Unfit. ``beside`` are other sites in the same Grafana.

    ``before`` is the folder as it was: what it has and the site no longer has is told to be deleted, since Grafana keeps rules
    and contact points that only vanish from a file.
    """
    with uncollected():
        return {
            path: _text(path, content, uid(site.name, "influxdb"))
            for path, content in _checked(site, paths, before, beside).items()
        }


def try_out(site: Site) -> None:
    """Make what Grafana's files hold, and look whether Grafana would take it. Raises Unfit.

    Of a site of more than MOST_TRIED channels that is done for the first ones of each instrument.
    """
    with uncollected():
        _checked(_some(site))


def _checked(
    site: Site, paths: GrafanaPaths | None = None, before: Path | None = None, beside: Sequence[Site] = ()
) -> dict[str, Any]:
    made = _contents(site, paths or GrafanaPaths(), beside)
    if before is not None:
        _delete_what_is_gone(made[RULES], _read(before / placed(RULES, site.name)), "deleteRules", _rule_uids)
        _delete_what_is_gone(
            made[CONTACTS], _read(before / placed(CONTACTS, site.name)), "deleteContactPoints", _contact_uids
        )
    elsewhere = {name for other in beside for name in notifications.receivers(other)}
    if found := check.faults(made, elsewhere):
        raise InvalidForGrafana(
            f"a fault of labline itself, not of {site.file}; Grafana would not take this:\n" + "\n".join(found)
        )
    return made


def _some(site: Site) -> Site:
    """Leave out channels of a very large site, of each instrument the last: of all channels the same is made."""
    if sum(len(i.stanza.channels) for i in site.instruments) <= MOST_TRIED:
        return site
    share = max(1, MOST_TRIED // len(site.instruments))
    return msgspec.structs.replace(site, instruments=tuple(_first_channels(i, share) for i in site.instruments))


def _first_channels(instrument: SiteInstrument, count: int) -> SiteInstrument:
    stanza = dataclasses.replace(instrument.stanza, channels=instrument.stanza.channels[:count])
    kept = {channel.id for channel in stanza.declared}
    limits = tuple(limit for limit in instrument.limits if limit.channel.id in kept)
    return msgspec.structs.replace(instrument, stanza=stanza, limits=limits)


def write(site: Site, folder: Path, paths: GrafanaPaths | None = None, beside: Sequence[Site] = ()) -> dict[str, str]:
    """Bring a folder to what the site stands for; returns the changes: path -> "new", "changed" or "no longer made"."""
    made = on_disk(site, paths, folder, beside)
    changes = files.write(folder, made)
    for name in left_over(site, folder, made):
        (folder / name).unlink()
        changes[name] = "no longer made"
    return changes


def on_disk(
    site: Site, paths: GrafanaPaths | None = None, before: Path | None = None, beside: Sequence[Site] = ()
) -> dict[str, str]:
    """Make Grafana's files as ``render`` does, by where they lie: those of several sites fit into one provisioning folder."""
    return {placed(path, site.name): text for path, text in render(site, paths, before, beside).items()}


def left_over(site: Site, folder: Path, made: dict[str, str]) -> list[str]:
    """List dashboards of this site in a folder that are not made any more; those of other people have not our tag."""
    found = []
    for path in sorted((folder / DASHBOARDS / site.name).glob("*.json")):
        name = f"{DASHBOARDS}/{site.name}/{path.name}"
        if name not in made and style.TAG in _read(path).get("tags", []):
            found.append(name)
    return found


def _contents(site: Site, paths: GrafanaPaths, beside: Sequence[Site]) -> dict[str, Any]:
    dashboards = every(site)
    about = {
        panel.about: (str(dashboard.uid), int(panel.id))
        for dashboard in dashboards.values()
        for panel in dashboard._iter_panels()
        if getattr(panel, "about", None)
    }
    least = min(i.stanza.interval for i in site.instruments)
    # What Grafana knows by a name is named by the site's, which stays when its title changes: with another name under the same
    # uid Grafana would not start.
    source = DataSource(
        name=f"labline {site.name}",
        url=site.influxdb.url,
        database=site.influxdb.database,
        user=READER,
        password=paths.reader_password,
        least_interval=duration.exact(least),
        ca=grafana_text.file(site.influxdb.ca) if site.influxdb.ca else "",
    )
    folder = Provider(name=f"labline {site.name}", folder=site.name, path=f"{paths.dashboards}/{site.name}")
    made = {f"{DASHBOARDS}/{name}.json": dashboard for name, dashboard in dashboards.items()} | {
        PROVIDER: {"apiVersion": 1, "providers": [folder]},
        DATASOURCES: {"apiVersion": 1, "datasources": [source]},
        RULES: {"apiVersion": 1, "groups": alerts.groups(site, about.__getitem__)},
        CONTACTS: {"apiVersion": 1, "contactPoints": notifications.contact_points(site, paths.secrets)},
        POLICIES: {
            "apiVersion": 1,
            "policies": [notifications.policy(site, beside)],
            **_given(muteTimes=notifications.mute_times((site, *beside))),
        },
        TEMPLATES: {"apiVersion": 1, "templates": messages.templates(site)},
    }
    return {
        path: _alive(msgspec.json.decode(json.dumps(content, cls=DashboardEncoder)), "")
        for path, content in made.items()
    }


def _given(**lists: list[Any]) -> dict[str, Any]:
    """Leave out lists that are empty."""
    return {key: value for key, value in lists.items() if value}


def _alive(value: Any, below: str) -> Any:
    """Drop what is not set, and what only old Grafanas read; a threshold's first value is null, and stays."""
    if type(value) is list:
        return [_alive(item, below) if type(item) in (dict, list) else item for item in value]
    if type(value) is not dict:
        return value
    dead = DEAD.get(below, ())
    return {
        key: _alive(item, key) if type(item) in (dict, list) else item
        for key, item in value.items()
        if key not in dead and (item is not None or (below == "steps" and key == "value"))
    }


def _text(path: str, content: Any, source: str) -> str:
    """Write a file; ``source`` is the uid of the site's own data source, for which DATASOURCE_UID stands until here."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    for key in ("uid", "datasourceUid"):  # in a user's text the quotes would have backslashes
        text = text.replace(f'"{key}": "{DATASOURCE_UID}"', f'"{key}": "{source}"')
    if path.endswith(".yaml"):
        return HEADER + str(yaml.safe_dump(json.loads(text), sort_keys=True, allow_unicode=True, width=120))
    # The module json would indent in Python, twenty times slower.
    return msgspec.json.format(text, indent=1) + "\n"


def _rule_uids(rules: dict[str, Any]) -> set[str]:
    return {rule["uid"] for group in rules.get("groups", []) for rule in group["rules"]}


def _contact_uids(points: dict[str, Any]) -> set[str]:
    return {receiver["uid"] for point in points.get("contactPoints", []) for receiver in point["receivers"]}


def _delete_what_is_gone(made: dict[str, Any], before: dict[str, Any], key: str, uids: Any) -> None:
    """Tell Grafana to delete what was there before, and at any time before that, and is not there now."""
    gone = (uids(before) | {entry["uid"] for entry in before.get(key, [])}) - uids(made)
    if gone:
        made[key] = [{"orgId": ORG, "uid": uid} for uid in sorted(gone)]


def _read(path: Path) -> dict[str, Any]:
    """Read a file that may be missing, or somebody else's."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
