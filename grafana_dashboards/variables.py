"""The dashboards' variables: the hidden ones that choose the level of downsampling, and those that a person chooses."""

from __future__ import annotations

from typing import Any

import attr
from grafanalib import core as g

from provisioning.influxql import identifier
from provisioning.levels import RAW

from . import influxql
from .provision import DATASOURCE

HIDDEN = 2
_attrs: Any = attr.s  # as in panels.py
ON_TIME_RANGE, BY_NAME = 2, 1
ALL = ("All", "$__all")


@_attrs
class Variable(g.Template):  # type: ignore[misc]
    """A template variable; a hidden one stays out of the address, or an old link would bring back an old choice."""

    description = attr.ib(default=None)

    def to_json_data(self) -> dict[str, Any]:
        found = {**super().to_json_data(), "description": self.description, "skipUrlSync": self.hide == HIDDEN}
        # Of a hidden query the value is known in Grafana only; a list of choices is never asked for anew.
        for key in () if self.type == "query" else ("refresh", "sort", "datasource"):
            del found[key]
        if self.hide == HIDDEN:
            del found["current"]
        return found


def levels() -> list[Variable]:
    """Make the hidden variables that follow the time range: the level, the ends of its fields' names, its time per point."""
    # Name -> (field of rp_config, what is taken of it, meaning). A downsampled level's policy is named for its time per point.
    meanings = {
        "rp": ("rp", "", "The retention policy that the time range is read from"),
        "lo": ("lo", '/^(.*)"$/', "The end of the name of a field's smallest reading there"),
        "hi": ("hi", '/^(.*)"$/', "The end of the name of a field's largest reading there"),
        "step": ("rp", f"/^(?:{RAW})?(.*)$/", "The time from point to point there, where it is downsampled"),
    }
    return [
        Variable(
            name=name,
            label=name,
            description=text,
            dataSource=DATASOURCE,
            query=influxql.level(field),
            regex=regex or None,
            hide=HIDDEN,
            sort=0,
            refresh=ON_TIME_RANGE,
        )
        for name, (field, regex, text) in meanings.items()
    ]


def choice(name: str, label: str, options: dict[str, str], description: str, first: str | None = None) -> Variable:
    """Let a person choose among ``options`` (value -> what is read), several or all; ``first`` is chosen at the start, else all."""
    variable = Variable(
        name=name,
        label=label,
        description=description,
        type="custom",
        multi=True,
        includeAll=True,
        allValue=".*",
        query=",".join(f"{_escaped(text)} : {value}" for value, text in options.items()),
        options=[_option(*ALL, not first)],
    )
    variable.options += [_option(text, value, value == first) for value, text in options.items()]
    chosen = next(option for option in variable.options if option["selected"])
    variable._current = {"text": [chosen["text"]], "value": [chosen["value"]]}
    return variable


def found(name: str, label: str, measurements: list[str], where: str, description: str) -> Variable:
    """Let a person choose among the values that a tag has in the data, several or all; all at the start."""
    query = (
        f"SHOW TAG VALUES FROM {', '.join(map(identifier, measurements))} WITH KEY = {identifier(name)} WHERE {where}"
    )
    return _asked(name, label, query, description, allValue=".*", sort=BY_NAME)


def values(name: str, label: str, query: str, description: str, *, regex: str) -> Variable:
    """Let a person choose among what a query brings, in its order; all at the start. ``regex`` names text and value of each."""
    return _asked(name, label, query, description, sort=0, regex=regex)


def _asked(name: str, label: str, query: str, description: str, **more: Any) -> Variable:
    variable = Variable(
        name=name,
        label=label,
        description=description,
        dataSource=DATASOURCE,
        query=query,
        multi=True,
        includeAll=True,
        refresh=ON_TIME_RANGE,
        **more,
    )
    variable._current = {"text": [ALL[0]], "value": [ALL[1]]}
    return variable


def _option(text: str, value: str, selected: bool) -> dict[str, Any]:
    return {"text": text, "value": value, "selected": selected}


def _escaped(text: str) -> str:
    """Write a text as a custom variable takes it: commas part options, `` : `` parts text and value."""
    return text.replace(",", "\\,").replace(" : ", ": ")
