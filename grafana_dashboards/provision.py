"""The resources that Grafana provisions from files and grafanalib lacks: data source, dashboard provider, alerting."""

from __future__ import annotations

from typing import Any

import attr

from provisioning.grafana_text import literal, plain

DATASOURCE_UID = "influxdb"  # stands for the uid of the site's own, until the files are made
DATASOURCE = {"type": "influxdb", "uid": DATASOURCE_UID}
EXPRESSION_UID = "__expr__"
ORG = 1
NOBODY = "grafana-default-email"  # the contact point that every Grafana has


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not set, or off."""
    return {key: value for key, value in values.items() if value not in (None, "", False, (), [], {})}


@attr.frozen(kw_only=True)
class DataSource:
    """InfluxDB 1.x, read with InfluxQL; ``least_interval`` is that of the finest data there are.

    ``password``, and ``ca`` where there is one, name where they are, as Grafana expands it.
    """

    name: str
    url: str
    database: str
    user: str
    password: str
    least_interval: str
    ca: str = ""

    def to_json_data(self) -> dict[str, Any]:
        shown = {"dbName": literal(self.database), "httpMode": "POST", "timeInterval": self.least_interval}
        return {
            "name": literal(self.name),
            "uid": DATASOURCE_UID,
            "type": "influxdb",
            "access": "proxy",
            "url": literal(self.url),
            "user": literal(self.user),
            "editable": False,
            "orgId": ORG,
            "secureJsonData": {"password": self.password, **_given({"tlsCACert": self.ca})},
            "jsonData": {**shown, **_given({"tlsAuthWithCACert": bool(self.ca)})},
        }


@attr.frozen(kw_only=True)
class Provider:
    """Where Grafana finds the dashboards' files, and the folder that it shows them in."""

    name: str
    folder: str
    path: str

    def to_json_data(self) -> dict[str, Any]:
        return {
            "name": literal(self.name),
            "orgId": ORG,
            "type": "file",
            "folder": literal(self.folder),
            "disableDeletion": False,
            "allowUiUpdates": False,
            "updateIntervalSeconds": 30,
            "options": {"path": self.path, "foldersFromFilesStructure": False},
        }


@attr.frozen(kw_only=True)
class AlertQuery:
    """What a rule asks the database, over the last ``seconds``."""

    ref: str
    query: str
    seconds: int

    def to_json_data(self) -> dict[str, Any]:
        model = {
            "refId": self.ref,
            "rawQuery": True,
            "resultFormat": "time_series",
            "query": self.query,
            "datasource": DATASOURCE,
            "intervalMs": 1000,
            "maxDataPoints": 43200,
        }
        return {
            "refId": self.ref,
            "datasourceUid": DATASOURCE_UID,
            "relativeTimeRange": {"from": self.seconds, "to": 0},
            "model": model,
        }


@attr.frozen(kw_only=True)
class Last:
    """The last value of each series that ``of`` gave."""

    ref: str
    of: str

    def to_json_data(self) -> dict[str, Any]:
        return _expression(
            self.ref, {"type": "reduce", "expression": self.of, "reducer": "last", "settings": {"mode": "dropNN"}}
        )


@attr.frozen(kw_only=True)
class LatchedThreshold:
    """True where ``of`` is above or below (``side``) a value; then until it is ``back`` behind another."""

    ref: str
    of: str
    side: str
    value: float
    back: float

    def to_json_data(self) -> dict[str, Any]:
        types = {"above": ("gt", "lt"), "below": ("lt", "gt")}[self.side]
        condition: dict[str, Any] = {"evaluator": {"type": types[0], "params": [self.value]}}
        if self.back != self.value:
            condition["unloadEvaluator"] = {"type": types[1], "params": [self.back]}
        return _expression(self.ref, {"type": "threshold", "expression": self.of, "conditions": [condition]})


@attr.frozen(kw_only=True)
class BelowOne:
    """True where ``of`` is below 1, of each of its series, while ``provided`` (one series) is not."""

    ref: str
    of: str
    provided: str

    def to_json_data(self) -> dict[str, Any]:
        return _expression(self.ref, {"type": "math", "expression": f"${self.of} < 1 && ${self.provided} >= 1"})


def _expression(ref: str, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "refId": ref,
        "datasourceUid": EXPRESSION_UID,
        "model": {"refId": ref, "datasource": {"type": "__expr__", "uid": EXPRESSION_UID}, **model},
    }


@attr.frozen(kw_only=True)
class Rule:
    """An alert rule; its condition is the last of ``data``. ``panel`` is (dashboard's uid, panel's id).

    It fires after ``for_``, and for ``keep`` after its condition holds no more; a Grafana before 12.2 passes over the latter.
    """

    uid: str
    title: str
    data: list[Any]
    for_: str
    labels: dict[str, str]
    annotations: dict[str, str]
    panel: tuple[str, int]
    no_data: str
    on_error: str
    keep: str = ""

    def to_json_data(self) -> dict[str, Any]:
        linked = {"__dashboardUid__": self.panel[0], "__panelId__": str(self.panel[1])}
        return {
            "uid": self.uid,
            "title": literal(self.title),
            "condition": self.data[-1].ref,
            "data": self.data,
            "for": self.for_,
            "noDataState": self.no_data,
            "execErrState": self.on_error,
            "isPaused": False,
            "annotations": _given(self.annotations) | linked,
            "labels": {name: literal(plain(value)) for name, value in self.labels.items()},
            **_given({"keepFiringFor": self.keep}),
        }


@attr.frozen(kw_only=True)
class RuleGroup:
    """Rules that Grafana looks at together, ``every`` so often (a multiple of 10 s)."""

    name: str
    folder: str
    every: str
    rules: list[Rule]

    def to_json_data(self) -> dict[str, Any]:
        return {
            "orgId": ORG,
            "name": literal(self.name),
            "folder": literal(self.folder),
            "interval": self.every,
            "rules": self.rules,
        }


@attr.frozen(kw_only=True)
class Email:
    """A contact point that sends one mail to all its addresses."""

    uid: str
    name: str
    addresses: tuple[str, ...]
    subject: str
    message: str

    def to_json_data(self) -> dict[str, Any]:
        settings = {
            "addresses": literal(";".join(self.addresses)),
            "singleEmail": True,
            "subject": self.subject,
            "message": self.message,
        }
        return _contact_point(self.name, {"uid": self.uid, "type": "email", "settings": settings})


@attr.frozen(kw_only=True)
class Webhook:
    """A contact point that posts to a URL. ``url``, ``password`` and ``token`` are as Grafana reads them: text, or ``$__file{…}``."""

    uid: str
    name: str
    url: str
    username: str
    password: str
    token: str
    title: str
    message: str

    def to_json_data(self) -> dict[str, Any]:
        settings = {
            "url": self.url,
            "httpMethod": "POST",
            "maxAlerts": "20",
            "username": literal(self.username),
            "password": self.password,
            "authorization_scheme": "Bearer" if self.token else None,
            "authorization_credentials": self.token,
            "title": self.title,
            "message": self.message,
        }
        return _contact_point(self.name, {"uid": self.uid, "type": "webhook", "settings": _given(settings)})


@attr.frozen(kw_only=True)
class Messenger:
    """A contact point of one of Grafana's other types, with that type's own settings; a secret is ``$__file{…}``."""

    uid: str
    name: str
    kind: str
    settings: dict[str, str]

    def to_json_data(self) -> dict[str, Any]:
        return _contact_point(self.name, {"uid": self.uid, "type": self.kind, "settings": _given(self.settings)})


def _contact_point(name: str, receiver: dict[str, Any]) -> dict[str, Any]:
    return {"orgId": ORG, "name": literal(name), "receivers": [{"disableResolveMessage": False, **receiver}]}


@attr.frozen(kw_only=True)
class NotificationPolicy:
    """Who is told of what, and how often at most; the root of the tree has routes and no matchers."""

    receiver: str
    group_by: tuple[str, ...] = ()
    group_wait: str = ""
    group_interval: str = ""
    repeat_interval: str = ""
    matchers: tuple[tuple[str, str, str], ...] = ()
    goes_on: bool = False
    muted: tuple[str, ...] = ()
    routes: tuple[NotificationPolicy, ...] = ()

    def to_json_data(self) -> dict[str, Any]:
        found = {
            "receiver": literal(self.receiver),
            "group_by": list(self.group_by),
            "group_wait": self.group_wait,
            "group_interval": self.group_interval,
            "repeat_interval": self.repeat_interval,
            "object_matchers": [[name, how, literal(value)] for name, how, value in self.matchers],
            "continue": self.goes_on,
            "mute_time_intervals": list(self.muted),
            "routes": list(self.routes),
        }
        return _given(found)


@attr.frozen(kw_only=True)
class MuteTime:
    """A mute timing that holds at all times."""

    name: str

    def to_json_data(self) -> dict[str, Any]:
        day = {"times": [{"start_time": "00:00", "end_time": "24:00"}]}
        return {"orgId": ORG, "name": self.name, "time_intervals": [day]}


@attr.frozen(kw_only=True)
class Template:
    """A group of notification templates (Go's language, in which ``$`` is free)."""

    name: str
    text: str

    def to_json_data(self) -> dict[str, Any]:
        return {"orgId": ORG, "name": self.name, "template": self.text}
