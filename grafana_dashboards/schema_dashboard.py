"""Which keys a dashboard's file may have, and of which type: those that labline uses, and no others.

Grafana passes over what it does not know without a word; here a misspelt key is an error.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Uid = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,40}\Z")]
Text = Annotated[str, Meta(min_length=1)]
Duration = Annotated[str, Meta(pattern=r"^[1-9]\d*(ms|s|m|h|d|w)\Z")]


class Strict(Struct, forbid_unknown_fields=True, kw_only=True):
    """A mapping of exactly these keys."""


class DatasourceRef(Strict, kw_only=True):
    type: Literal["influxdb"]
    uid: Uid


class Target(Strict, kw_only=True):
    refId: Annotated[str, Meta(pattern=r"^[A-Z]{1,2}\Z")]
    datasource: DatasourceRef
    query: Text
    rawQuery: Literal[True]
    resultFormat: Literal["time_series", "table"]
    alias: str


class GridPos(Strict, kw_only=True):
    h: Annotated[int, Meta(ge=1, le=40)]
    w: Annotated[int, Meta(ge=1, le=24)]
    x: Annotated[int, Meta(ge=0, le=23)]
    y: Annotated[int, Meta(ge=0)]


class Step(Strict, kw_only=True):
    value: float | None
    color: Text


class Thresholds(Strict, kw_only=True):
    mode: Literal["absolute"]
    steps: Annotated[list[Step], Meta(min_length=1)]


class MappedText(Strict, kw_only=True):
    text: str
    color: Text
    index: int


class ValueMapping(Strict, tag_field="type", tag="value", kw_only=True):
    options: dict[str, MappedText]


class NullText(Strict, kw_only=True):
    match: Literal["null"]
    result: MappedText


class NullMapping(Strict, tag_field="type", tag="special", kw_only=True):
    options: NullText


class PanelLink(Strict, kw_only=True):
    title: Text
    url: Annotated[str, Meta(pattern=r"^/d/[A-Za-z0-9_-]{1,40}\?\$\{__url_time_range\}(&var-[a-z]+=[^&]+)*\Z")]
    targetBlank: bool


class Color(Strict, kw_only=True):
    mode: Literal["palette-classic", "thresholds", "fixed"]
    fixedColor: Text | None = None


class CellOptions(Strict, kw_only=True):
    type: Literal["color-text"]


class AxisScale(Strict, kw_only=True):
    type: Literal["linear", "log"]
    log: Literal[2, 10] | None = None


class ThresholdStyle(Strict, kw_only=True):
    mode: Literal["off", "dashed+area"]


class Stacking(Strict, kw_only=True):
    mode: Literal["none", "normal"]
    group: str


class Custom(Strict, kw_only=True):
    """What a panel's type draws with; each has some of these."""

    drawStyle: Literal["line", "bars"] | None = None
    lineWidth: int | None = None
    fillOpacity: Annotated[int, Meta(ge=0, le=100)] | None = None
    lineInterpolation: Literal["linear"] | None = None
    showPoints: Literal["auto", "never"] | None = None
    pointSize: int | None = None
    spanNulls: bool | int | None = None
    axisPlacement: Literal["auto", "hidden"] | None = None
    axisSoftMin: float | None = None
    axisSoftMax: float | None = None
    scaleDistribution: AxisScale | None = None
    thresholdsStyle: ThresholdStyle | None = None
    stacking: Stacking | None = None
    fillBelowTo: Text | None = None
    align: Literal["auto"] | None = None
    inspect: bool | None = None


class Defaults(Strict, kw_only=True):
    unit: Text | None = None
    decimals: Annotated[int, Meta(ge=0)] | None = None
    min: float | None = None
    max: float | None = None
    noValue: Text | None = None
    color: Color | None = None
    thresholds: Thresholds | None = None
    mappings: list[ValueMapping | NullMapping] = []
    links: list[PanelLink] = []
    custom: Custom | None = None


class Names(Strict, kw_only=True):
    mode: Literal["include"]
    names: Annotated[list[Text], Meta(min_length=1)]


class Matcher(Strict, kw_only=True):
    id: Literal["byNames"]
    options: Names


class Property(Strict, kw_only=True):
    id: str
    value: dict[str, Any]


# What an override may set, and what it must then look like.
PROPERTIES: dict[str, Any] = {"color": Color, "custom.cellOptions": CellOptions}


class Override(Strict, kw_only=True):
    matcher: Matcher
    properties: Annotated[list[Property], Meta(min_length=1)]


class FieldConfig(Strict, kw_only=True):
    defaults: Defaults
    overrides: list[Override]


class Legend(Strict, kw_only=True):
    showLegend: bool
    displayMode: Literal["list"]
    placement: Literal["bottom"]
    calcs: list[Literal["lastNotNull"]]


class Tooltip(Strict, kw_only=True):
    mode: Literal["single", "multi"]
    sort: Literal["none", "desc"]


class Reduce(Strict, kw_only=True):
    calcs: list[Literal["last"]]
    fields: Annotated[str, Meta(pattern=r"^(/\^.+\$/)?\Z")]  # all numbers, or the one of this name
    values: Literal[False]


class Organize(Strict, kw_only=True):
    indexByName: dict[str, int]
    excludeByName: dict[str, bool]
    renameByName: dict[str, str]


class Nothing(Strict, kw_only=True):
    """No options."""


class Arranged(Strict, tag_field="id", tag="organize", kw_only=True):
    options: Organize


class Conversion(Strict, kw_only=True):
    targetField: Text
    destinationType: Literal["number"]


class Convert(Strict, kw_only=True):
    conversions: Annotated[list[Conversion], Meta(min_length=1)]
    fields: Nothing


class Converted(Strict, tag_field="id", tag="convertFieldType", kw_only=True):
    options: Convert


class Rename(Strict, kw_only=True):
    regex: Text
    renamePattern: Text


class Renamed(Strict, tag_field="id", tag="renameByRegex", kw_only=True):
    options: Rename


class Merged(Strict, tag_field="id", tag="merge", kw_only=True):
    options: Nothing


class SortField(Strict, kw_only=True):
    field: Text
    desc: bool


class SortFields(Strict, kw_only=True):
    sort: Annotated[list[SortField], Meta(min_length=1, max_length=1)]


class Sorted(Strict, tag_field="id", tag="sortBy", kw_only=True):
    options: SortFields


class PanelBase(Strict, tag_field="type", kw_only=True):
    id: Annotated[int, Meta(ge=1)]
    title: Text
    gridPos: GridPos
    transformations: list[Arranged | Merged | Sorted | Renamed | Converted] = []


class Shown(PanelBase, kw_only=True):
    """A panel with data."""

    description: Text
    datasource: DatasourceRef
    targets: Annotated[list[Target], Meta(min_length=1)]
    fieldConfig: FieldConfig
    interval: Annotated[str, Meta(pattern=r"^\$\{step\}[1-9]\d*(ms|s|m|h|d|w)\Z")] | None = None  # influxql.STEP
    maxDataPoints: int | None = None


class TimeSeriesOptions(Strict, kw_only=True):
    legend: Legend
    tooltip: Tooltip


class TimeSeriesKeys(Shown, tag="timeseries", kw_only=True):
    options: TimeSeriesOptions


class TextSizes(Strict, kw_only=True):
    titleSize: Annotated[int, Meta(ge=8)]


class StatOptions(Strict, kw_only=True):
    graphMode: Literal["area", "none"]
    colorMode: Literal["value"]
    textMode: Literal["value", "value_and_name"]
    justifyMode: Literal["auto"]
    orientation: Literal["auto"]
    wideLayout: bool
    showPercentChange: bool
    reduceOptions: Reduce
    text: TextSizes | None = None


class StatKeys(Shown, tag="stat", kw_only=True):
    options: StatOptions


class TimelineOptions(Strict, kw_only=True):
    mergeValues: bool
    showValue: Literal["auto"]
    alignValue: Literal["left"]
    rowHeight: float
    perPage: int
    legend: Legend
    tooltip: Tooltip


class StateTimelineKeys(Shown, tag="state-timeline", kw_only=True):
    options: TimelineOptions


class SortBy(Strict, kw_only=True):
    displayName: Text
    desc: bool


class TableOptions(Strict, kw_only=True):
    showHeader: bool
    cellHeight: Literal["sm"]
    sortBy: list[SortBy]


class TableKeys(Shown, tag="table", kw_only=True):
    options: TableOptions


class StateFilter(Strict, kw_only=True):
    firing: bool
    pending: bool
    noData: bool
    error: bool
    normal: bool
    recovering: bool


class AlertListOptions(Strict, kw_only=True):
    viewMode: Literal["list"]
    groupMode: Literal["default"]
    groupBy: list[str]
    maxItems: int
    sortOrder: Literal[1, 2, 3, 4, 5]
    dashboardAlerts: bool
    alertName: str
    alertInstanceLabelFilter: str
    showInactiveAlerts: bool
    stateFilter: StateFilter


class AlertListKeys(PanelBase, tag="alertlist", kw_only=True):
    description: Text
    datasource: DatasourceRef
    fieldConfig: FieldConfig
    options: AlertListOptions


class TextOptions(Strict, kw_only=True):
    mode: Literal["html"]
    content: Text


class TextKeys(PanelBase, tag="text", kw_only=True):
    description: Text
    datasource: DatasourceRef
    fieldConfig: FieldConfig
    options: TextOptions
    repeat: Text | None = None
    repeatDirection: Literal["h"] | None = None
    maxPerRow: Annotated[int, Meta(ge=1, le=24)] | None = None


Plain = TimeSeriesKeys | StatKeys | StateTimelineKeys | TableKeys | AlertListKeys | TextKeys


class RowKeys(PanelBase, tag="row", kw_only=True):
    collapsed: bool
    panels: list[Plain]


class VariableOption(Strict, kw_only=True):
    text: Text
    value: Text
    selected: bool


class Current(Strict, kw_only=True):
    text: list[str]
    value: list[str]


class QueryVariableKeys(Strict, tag_field="type", tag="query", kw_only=True):
    """A variable that asks the database: a hidden one that follows the time range, or one that a person sets."""

    name: Annotated[str, Meta(pattern=r"^[a-z]+\Z")]
    label: Text
    description: Text
    datasource: DatasourceRef
    query: Text
    regex: Text | None = None
    refresh: Literal[2]
    sort: Literal[0, 1]
    hide: Literal[0, 2]
    skipUrlSync: bool
    multi: bool
    includeAll: bool
    allValue: Literal[".*"] | None = None
    current: Current | None = None
    options: list[VariableOption] = []


class CustomVariable(Strict, tag_field="type", tag="custom", kw_only=True):
    """A variable that a person sets."""

    name: Annotated[str, Meta(pattern=r"^[a-z]+\Z")]
    label: Text
    description: Text
    query: Text
    options: Annotated[list[VariableOption], Meta(min_length=2)]
    current: Current
    multi: Literal[True]
    includeAll: Literal[True]
    allValue: Literal[".*"]
    hide: Literal[0]
    skipUrlSync: Literal[False]


class Templating(Strict, kw_only=True, rename={"variables": "list"}):
    variables: list[QueryVariableKeys | CustomVariable]


class DashboardLink(Strict, kw_only=True):
    type: Literal["link", "dashboards"]
    title: Text
    url: str
    icon: Text
    tooltip: str
    tags: list[str]
    asDropdown: bool
    keepTime: Literal[True]
    includeVars: Literal[False]
    targetBlank: bool


class Time(Strict, rename={"since": "from"}, kw_only=True):
    since: Annotated[str, Meta(pattern=r"^now-\d+[mhd]\Z")]
    to: Literal["now"]


class Annotations(Strict, kw_only=True, rename={"queries": "list"}):
    queries: list[Any]


class Dashboard(Strict, kw_only=True):
    uid: Uid
    title: Text
    description: Text
    tags: list[Text]
    schemaVersion: Literal[39]
    graphTooltip: Literal[0, 1, 2]
    editable: bool
    refresh: Duration
    time: Time
    timepicker: dict[str, Any]
    timezone: Text
    links: list[DashboardLink]
    annotations: Annotations
    templating: Templating
    panels: Annotated[list[Plain | RowKeys], Meta(min_length=1)]
