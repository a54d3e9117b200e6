"""Which keys the files of alerting, data sources and providers may have: those that labline uses, as Grafana's loader reads them.

A key that Grafana does not know is passed over there; a value of the wrong type stops it at its start.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from .schema_dashboard import DatasourceRef, Duration, Strict, Text, Uid

Org = Literal[1]
Folder = Annotated[str, Meta(pattern=r"^[^/]+\Z")]  # a slash would stand for a folder in a folder
Wait = Annotated[str, Meta(pattern=r"^(0s|[1-9]\d*(ms|s|m|h|d|w))\Z")]


class ProvisioningFile(Struct, forbid_unknown_fields=True, kw_only=True):
    apiVersion: Literal[1]


class JsonData(Strict, kw_only=True):
    dbName: Text
    httpMode: Literal["POST"]
    timeInterval: Duration
    tlsAuthWithCACert: Literal[True] | UnsetType = UNSET


class SecureJsonData(Strict, kw_only=True):
    password: Annotated[str, Meta(pattern=r"^\$__(env|file)\{[^}]+\}\Z")]
    tlsCACert: Annotated[str, Meta(pattern=r"^\$__file\{[^}]+\}\Z")] | UnsetType = UNSET


class DataSourceKeys(Strict, kw_only=True):
    name: Text
    uid: Uid
    type: Literal["influxdb"]
    access: Literal["proxy"]
    url: Annotated[str, Meta(pattern="^https?://")]
    user: Text
    editable: Literal[False]
    orgId: Org
    jsonData: JsonData
    secureJsonData: SecureJsonData


class DataSources(ProvisioningFile, kw_only=True):
    datasources: list[DataSourceKeys]


class ProviderOptions(Strict, kw_only=True):
    path: Text
    foldersFromFilesStructure: Literal[False]


class ProviderKeys(Strict, kw_only=True):
    name: Text
    orgId: Org
    type: Literal["file"]
    folder: Folder
    disableDeletion: bool
    allowUiUpdates: Literal[False]
    updateIntervalSeconds: int
    options: ProviderOptions


class Providers(ProvisioningFile, kw_only=True):
    providers: list[ProviderKeys]


class Range(Strict, rename={"since": "from"}, kw_only=True):
    since: Annotated[int, Meta(ge=1)]
    to: Literal[0]


class QueryModel(Strict, kw_only=True):
    refId: Text
    datasource: DatasourceRef
    rawQuery: Literal[True]
    resultFormat: Literal["time_series"]
    query: Text
    intervalMs: int
    maxDataPoints: int


class AlertQueryKeys(Strict, tag_field="datasourceUid", tag="influxdb", kw_only=True):
    refId: Text
    relativeTimeRange: Range
    model: QueryModel


class ExpressionSource(Strict, kw_only=True):
    type: Literal["__expr__"]
    uid: Literal["__expr__"]


class ReduceSettings(Strict, kw_only=True):
    mode: Literal["dropNN"]


class ReduceKeys(Strict, tag_field="type", tag="reduce", kw_only=True):
    refId: Text
    datasource: ExpressionSource
    expression: Annotated[str, Meta(pattern=r"^[A-Z]\Z")]
    reducer: Literal["last"]
    settings: ReduceSettings


class Evaluator(Strict, kw_only=True):
    type: Literal["gt", "lt"]
    params: Annotated[list[float], Meta(min_length=1, max_length=1)]


class Condition(Strict, kw_only=True):
    evaluator: Evaluator
    unloadEvaluator: Evaluator | None = None


class ThresholdKeys(Strict, tag_field="type", tag="threshold", kw_only=True):
    refId: Text
    datasource: ExpressionSource
    expression: Annotated[str, Meta(pattern=r"^[A-Z]\Z")]
    conditions: Annotated[list[Condition], Meta(min_length=1, max_length=1)]


class MathKeys(Strict, tag_field="type", tag="math", kw_only=True):
    refId: Text
    datasource: ExpressionSource
    expression: Annotated[str, Meta(pattern=r"^\$[A-Z] < 1 && \$[A-Z] >= 1\Z")]


class Expression(Strict, tag_field="datasourceUid", tag="__expr__", kw_only=True):
    refId: Text
    model: ReduceKeys | ThresholdKeys | MathKeys


class AlertAnnotationKeys(Strict, rename={"dashboard": "__dashboardUid__", "panel": "__panelId__"}, kw_only=True):
    summary: Text
    dashboard: Uid
    panel: Annotated[str, Meta(pattern=r"^\d+\Z")]
    description: Text | None = None
    help: Text | None = None
    helpid: Annotated[str, Meta(pattern=r"^h[0-9a-f]{8}\Z")] | None = None
    link: Annotated[str, Meta(pattern="^https?://")] | None = None
    over: Text | None = None


class Labels(Strict, kw_only=True):
    site: Text
    severity: Literal["warning", "critical"]
    kind: Literal["limit", "stale", "channel", "unsteady", "line"]
    instrument: Text | None = None
    node: Text | None = None
    channel: Text | None = None


class RuleKeys(Strict, rename={"for_": "for"}, kw_only=True):
    uid: Uid
    title: Text
    condition: Text
    for_: Wait
    keepFiringFor: Wait | None = None
    noDataState: Literal["OK", "Alerting", "NoData", "KeepLast"]
    execErrState: Literal["OK", "Alerting", "Error", "KeepLast"]
    isPaused: Literal[False]
    annotations: AlertAnnotationKeys
    labels: Labels
    data: Annotated[list[AlertQueryKeys | Expression], Meta(min_length=2)]


class Group(Strict, kw_only=True):
    orgId: Org
    name: Text
    folder: Folder
    interval: Duration
    rules: Annotated[list[RuleKeys], Meta(min_length=1)]


class Deleted(Strict, kw_only=True):
    orgId: Org
    uid: Uid


class Rules(ProvisioningFile, kw_only=True):
    groups: list[Group]
    deleteRules: list[Deleted] = []


class EmailSettings(Strict, kw_only=True):
    addresses: Text
    singleEmail: bool
    subject: Text
    message: Text


class EmailKeys(Strict, tag_field="type", tag="email", kw_only=True):
    uid: Uid
    disableResolveMessage: bool
    settings: EmailSettings


class WebhookSettings(Strict, kw_only=True):
    url: Text
    httpMethod: Literal["POST"]
    maxAlerts: str
    title: Text
    message: Text
    username: str | None = None
    password: str | None = None
    authorization_scheme: Literal["Bearer"] | None = None
    authorization_credentials: str | None = None


class WebhookKeys(Strict, tag_field="type", tag="webhook", kw_only=True):
    uid: Uid
    disableResolveMessage: bool
    settings: WebhookSettings


# What a file must not hold.
Secret = Annotated[str, Meta(pattern=r"^\$__file\{[^}]+\}\Z")]


class SlackSettings(Strict, kw_only=True):
    title: Text
    text: Text
    url: Secret | None = None
    token: Secret | None = None
    recipient: Text | None = None


class SlackKeys(Strict, tag_field="type", tag="slack", kw_only=True):
    uid: Uid
    disableResolveMessage: bool
    settings: SlackSettings


class TeamsSettings(Strict, kw_only=True):
    url: Secret
    title: Text
    message: Text


class TeamsKeys(Strict, tag_field="type", tag="teams", kw_only=True):
    uid: Uid
    disableResolveMessage: bool
    settings: TeamsSettings


class TelegramSettings(Strict, kw_only=True):
    bottoken: Secret
    chatid: Text
    message: Text
    parse_mode: Literal["None"]


class TelegramKeys(Strict, tag_field="type", tag="telegram", kw_only=True):
    uid: Uid
    disableResolveMessage: bool
    settings: TelegramSettings


class PushoverSettings(Strict, kw_only=True):
    apiToken: Secret
    userKey: Secret
    title: Text
    message: Text


class PushoverKeys(Strict, tag_field="type", tag="pushover", kw_only=True):
    uid: Uid
    disableResolveMessage: bool
    settings: PushoverSettings


class ContactPointKeys(Strict, kw_only=True):
    orgId: Org
    name: Text
    receivers: Annotated[
        list[EmailKeys | WebhookKeys | SlackKeys | TeamsKeys | TelegramKeys | PushoverKeys],
        Meta(min_length=1, max_length=1),
    ]


class ContactPoints(ProvisioningFile, kw_only=True):
    contactPoints: list[ContactPointKeys]
    deleteContactPoints: list[Deleted] = []


class Route(Strict, rename={"goes_on": "continue"}, kw_only=True):
    receiver: Text
    group_by: Annotated[list[str], Meta(min_length=1)]
    group_wait: Wait
    group_interval: Duration
    repeat_interval: Duration
    object_matchers: Annotated[list[tuple[str, Literal["="], str]], Meta(min_length=1)]
    goes_on: bool = False
    mute_time_intervals: list[str] = []


class NotificationPolicyKeys(Strict, kw_only=True):
    receiver: Text
    group_by: Annotated[list[str], Meta(min_length=1)]
    group_wait: Wait
    group_interval: Duration
    repeat_interval: Duration
    routes: list[Route] = []


class Times(Strict, kw_only=True):
    start_time: str
    end_time: str


class TimeInterval(Strict, kw_only=True):
    times: Annotated[list[Times], Meta(min_length=1)]


class MuteTimeKeys(Strict, kw_only=True):
    orgId: Org
    name: Text
    time_intervals: Annotated[list[TimeInterval], Meta(min_length=1)]


class Policies(ProvisioningFile, kw_only=True):
    policies: Annotated[list[NotificationPolicyKeys], Meta(min_length=1, max_length=1)]
    muteTimes: list[MuteTimeKeys] = []


class TemplateKeys(Strict, kw_only=True):
    orgId: Org
    name: Text
    template: Text


class Templates(ProvisioningFile, kw_only=True):
    templates: list[TemplateKeys]


FILES: dict[str, Any] = {
    "datasources/influxdb.yaml": DataSources,
    "dashboards/provider.yaml": Providers,
    "alerting/rules.json": Rules,
    "alerting/contact_points.json": ContactPoints,
    "alerting/policies.json": Policies,
    "alerting/templates.json": Templates,
}
