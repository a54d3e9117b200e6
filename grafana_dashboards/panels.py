"""Panels in the shapes that Grafana draws today, on grafanalib's Panel: its own are partly those of ten years ago."""

from __future__ import annotations

import re
from typing import Any

import attr
from grafanalib import core as g
from grafanalib.influxdb import InfluxDBTarget

from . import style
from .influxql import STEP
from .provision import DATASOURCE
from .signals import Signal

Steps = list[tuple[float | None, str]]
# Grafanalib brings no types: mypy would take the arguments of its classes for unknown ones.
_attrs: Any = attr.s


def target(query: str, alias: str = "", *, ref: str = "A", table: bool = False) -> InfluxDBTarget:
    """Ask InfluxQL, as series or as a table."""
    return InfluxDBTarget(
        query=query, alias=alias, refId=ref, format="table" if table else "time_series", datasource=DATASOURCE
    )


def targets(*queries: tuple[str, str], table: bool = False) -> list[InfluxDBTarget]:
    """Ask several times: (query, alias) each."""
    return [target(query, alias, ref=_ref(index), table=table) for index, (query, alias) in enumerate(queries)]


def _ref(index: int) -> str:
    return (chr(64 + index // 26) if index >= 26 else "") + chr(65 + index % 26)


def override(*names: str, **properties: dict[str, Any]) -> dict[str, Any]:
    """Set properties of the fields of these display names; ``__`` in a key stands for a dot.

    Values are mappings alone (colours, cell options …): Grafana's published schema of dashboards knows no others.
    """
    return {
        "matcher": {"id": "byNames", "options": {"mode": "include", "names": list(names)}},
        "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()],
    }


def renamed(names: dict[str, str]) -> list[dict[str, Any]]:
    """Show series under other names: name as the query gives it -> name for people."""
    return [
        {"id": "renameByRegex", "options": {"regex": f"^{re.escape(name)}$", "renamePattern": text.replace("$", "$$")}}
        for name, text in names.items()
        if name != text
    ]


def beginnings(names: dict[str, str]) -> list[dict[str, Any]]:
    """Show series under names that begin otherwise: beginning as the query gives it -> beginning for people."""
    return [
        {
            "id": "renameByRegex",
            "options": {"regex": f"^{re.escape(name)}(.*)$", "renamePattern": f"{text.replace('$', '$$')}$1"},
        }
        for name, text in names.items()
    ]


def as_number(name: str) -> dict[str, Any]:
    """Take a field for a number, such as the time of the newest point for the value that is shown."""
    return {
        "id": "convertFieldType",
        "options": {"conversions": [{"targetField": name, "destinationType": "number"}], "fields": {}},
    }


def newest_last() -> list[dict[str, Any]]:
    """Make one table of what several queries gave, by time."""
    return [{"id": "merge", "options": {}}, {"id": "sortBy", "options": {"sort": [{"field": "Time", "desc": False}]}}]


def columns(names: dict[str, str], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Arrange a table: its columns in this order, name -> heading; and leave some out."""
    return {
        "id": "organize",
        "options": {
            "indexByName": {name: index for index, name in enumerate(names)},
            "excludeByName": dict.fromkeys(without, True),
            "renameByName": {name: heading for name, heading in names.items() if name != heading},
        },
    }


def colour(name: str) -> dict[str, str]:
    """Set one colour."""
    return {"mode": "fixed", "fixedColor": name}


def mapping(texts: dict[str, tuple[str, str]]) -> dict[str, Any]:
    """Show values as texts in colours: value -> (text, colour)."""
    return {
        "type": "value",
        "options": {
            value: {"text": text, "color": colour, "index": index}
            for index, (value, (text, colour)) in enumerate(texts.items())
        },
    }


def meaning(signal: Signal) -> dict[str, Any]:
    """Give the mappings and steps that show what the values of a signal mean, where they are no numbers."""
    return {
        "mappings": [mapping(signal.texts)] if signal.texts else [],
        "steps": [(None, style.UNDECLARED if signal.quantity.choices else style.NEUTRAL)],
    }


# In no colour that stands for a value: whether it would be within its limits nobody knows.
NO_DATA = {
    "type": "special",
    "options": {"match": "null", "result": {"text": "no data", "color": style.STATES["silent"], "index": 0}},
}
STATES = mapping({state: (state.replace("_", " "), colour) for state, colour in style.STATES.items()})


@_attrs
class _Panel(g.Panel):  # type: ignore[misc]
    """What all panels share. ``about`` is what the panel shows, for whoever looks for a panel (alerts.py); it is not written."""

    about = attr.ib(default=None, kw_only=True)
    dataSource = attr.ib(default=DATASOURCE)
    maxDataPoints = attr.ib(default=None)  # as many as there are pixels; grafanalib's 100 would be coarse
    unit = attr.ib(default=None, kw_only=True)
    decimals = attr.ib(default=None, kw_only=True)
    mappings: Any = attr.ib(factory=list, kw_only=True)
    steps: Steps = attr.ib(factory=lambda: [(None, style.NEUTRAL)], kw_only=True)
    overrides: Any = attr.ib(factory=list, kw_only=True)
    dataLinks: Any = attr.ib(factory=list, kw_only=True)

    def made(self, kind: str, options: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
        """Write the panel, with what is its type's own."""
        found = self.panel_json({"type": kind, "options": options})
        if self.interval:
            found["interval"] = f"{STEP}{self.interval}"
        found["fieldConfig"] = {
            "overrides": self.overrides,
            "defaults": {
                "unit": self.unit,
                "decimals": self.decimals,
                "mappings": self.mappings,
                "links": self.dataLinks,
                "thresholds": {
                    "mode": "absolute",
                    "steps": [{"value": value, "color": colour} for value, colour in self.steps],
                },
                **defaults,
            },
        }
        return dict(found)


NO_TIME = "/^(?!Time$).*$/"  # the names of all series, which may be no numbers
# Names alone: the last value that there was would stand there for a sensor that is dead.
LEGEND = {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}
NO_LEGEND = {"showLegend": False, "displayMode": "list", "placement": "bottom", "calcs": []}
TOOLTIP = {"mode": "multi", "sort": "desc"}


@_attrs
class TimeSeries(_Panel):
    """Lines over time. ``gap`` (seconds): a line spans shorter ones; None spans none. ``limits`` tints what is beyond them.

    ``soft_least`` and ``soft_most``: the axis reaches so far at least. ``bare``: without axes and legend, in the colour of its last value. ``filled`` (%) is the space below the lines, down to the series ``below`` where that is given.
    """

    gap: float | None = attr.ib(default=None, kw_only=True)
    logarithmic = attr.ib(default=False, kw_only=True)
    least = attr.ib(default=None, kw_only=True)
    most = attr.ib(default=None, kw_only=True)
    soft_least = attr.ib(default=None, kw_only=True)
    soft_most = attr.ib(default=None, kw_only=True)
    bars = attr.ib(default=False, kw_only=True)
    filled = attr.ib(default=0, kw_only=True)
    limits = attr.ib(default=False, kw_only=True)
    legend = attr.ib(default=True, kw_only=True)
    bare = attr.ib(default=False, kw_only=True)
    below = attr.ib(default=None, kw_only=True)

    def to_json_data(self) -> dict[str, Any]:
        legend = LEGEND if self.legend and not self.bare else NO_LEGEND
        custom = {
            "drawStyle": "bars" if self.bars else "line",
            "lineWidth": 0 if self.bars else 1,
            "fillOpacity": 70 if self.bars else self.filled,
            "lineInterpolation": "linear",
            "showPoints": "auto",
            "pointSize": 4,
            "spanNulls": False if self.gap is None else round(self.gap * 1000),
            "axisPlacement": "hidden" if self.bare else "auto",
            "axisSoftMin": self.soft_least,
            "axisSoftMax": self.soft_most,
            "scaleDistribution": {"type": "log", "log": 10} if self.logarithmic else {"type": "linear"},
            "thresholdsStyle": {"mode": "dashed+area" if self.limits else "off"},
            "stacking": {"mode": "none", "group": "A"},
            "fillBelowTo": self.below,
        }
        return self.made(
            "timeseries",
            {"legend": legend, "tooltip": TOOLTIP},
            {
                "custom": custom,
                "min": self.least,
                "max": self.most,
                "color": {"mode": "thresholds" if self.bare else "palette-classic"},
            },
        )


@_attrs
class Stat(_Panel):
    """The last value, large, above its course (``sparkline``); ``named``: below the name of its series.

    ``of``: the name of a series that is no number; Grafana would not look at it. ``each``: what all series have is none.
    Where the last is empty, it says so (influxql.current): no older value stands in for it.
    """

    # So few that on a downsampled level each interval has several points: the newest may not be there yet.
    maxDataPoints = attr.ib(default=300)
    sparkline = attr.ib(default=True, kw_only=True)
    named = attr.ib(default=False, kw_only=True)
    of = attr.ib(default="", kw_only=True)
    each = attr.ib(default=False, kw_only=True)

    def to_json_data(self) -> dict[str, Any]:
        options = {
            "graphMode": "area" if self.sparkline else "none",
            "colorMode": "value",
            "textMode": "value_and_name" if self.named else "value",
            "justifyMode": "auto",
            "orientation": "auto",
            "wideLayout": True,
            "showPercentChange": False,
            "text": {"titleSize": style.NAME_SIZE} if self.named else None,
            "reduceOptions": {
                "calcs": ["last"],
                "fields": NO_TIME if self.each else f"/^{re.escape(self.of)}$/" if self.of else "",
                "values": False,
            },
        }
        defaults = {"color": {"mode": "thresholds"}, "noValue": "no data", "mappings": [*self.mappings, NO_DATA]}
        return self.made("stat", options, defaults)


ONE_PAGE = 1000  # lines of a timeline: on a second page nobody would see what is red


@_attrs
class StateTimeline(_Panel):
    """States over time, a line each. ``gap`` as for TimeSeries."""

    gap: float | None = attr.ib(default=None, kw_only=True)

    def to_json_data(self) -> dict[str, Any]:
        options = {
            "mergeValues": True,
            "showValue": "auto",
            "alignValue": "left",
            "rowHeight": 0.8,
            "perPage": ONE_PAGE,
            "legend": NO_LEGEND,
            "tooltip": {"mode": "single", "sort": "none"},
        }
        custom = {"lineWidth": 0, "fillOpacity": 80, "spanNulls": False if self.gap is None else round(self.gap * 1000)}
        return self.made("state-timeline", options, {"custom": custom, "color": {"mode": "thresholds"}})


@_attrs
class Table(_Panel):
    """Rows and columns. ``sort`` is the column that it is sorted by; ``falling``: the largest first."""

    sort = attr.ib(default=None, kw_only=True)
    falling = attr.ib(default=False, kw_only=True)

    def to_json_data(self) -> dict[str, Any]:
        options = {
            "showHeader": True,
            "cellHeight": "sm",
            "sortBy": [{"displayName": self.sort, "desc": self.falling}] if self.sort else [],
        }
        return self.made(
            "table", options, {"custom": {"align": "auto", "inspect": False}, "color": {"mode": "thresholds"}}
        )


@_attrs
class AlertList(_Panel):
    """The alarms that are active, the gravest first; ``labels`` (a matcher in Grafana's words) chooses among them."""

    labels = attr.ib(default="", kw_only=True)

    def to_json_data(self) -> dict[str, Any]:
        options = {
            "viewMode": "list",
            "groupMode": "default",
            "groupBy": [],
            "maxItems": 20,
            "sortOrder": 3,
            "dashboardAlerts": False,
            "alertName": "",
            "alertInstanceLabelFilter": self.labels,
            "showInactiveAlerts": False,
            "stateFilter": {
                "firing": True,
                "pending": True,
                "noData": True,
                "error": True,
                "normal": False,
                "recovering": True,
            },
        }
        found = self.panel_json({"type": "alertlist", "options": options})
        found["fieldConfig"] = {"defaults": {}, "overrides": []}
        del found["targets"]
        return dict(found)


@_attrs
class PicturePanel(_Panel):
    """One picture, at an ``address`` in which variables may stand; ``repeat`` shows one for each value of a variable.

    Grafana's sanitizer lets an image and a link through.
    """

    address = attr.ib(default="", kw_only=True)

    def to_json_data(self) -> dict[str, Any]:
        image = f'<img src="{self.address}" alt="" style="max-width:100%;max-height:100%">'
        content = f'<a href="{self.address}" target="_blank" rel="noopener">{image}</a>'
        found = self.panel_json({"type": "text", "options": {"mode": "html", "content": content}})
        found["fieldConfig"] = {"defaults": {}, "overrides": []}
        del found["targets"]
        return dict(found)


@_attrs
class Heading(g.RowPanel):  # type: ignore[misc]
    """A heading; what follows belongs to it, or is in it where it starts collapsed."""

    def to_json_data(self) -> dict[str, Any]:
        return {
            "type": "row",
            "id": self.id,
            "title": self.title,
            "gridPos": self.gridPos,
            "collapsed": self.collapsed,
            "panels": self.panels,
        }
