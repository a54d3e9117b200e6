"""What all alarm rules share: labels, the words for where an instrument is read, and the two kinds of questions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provisioning.limit_rules import rounded
from provisioning.site import Alarms, Site, SiteInstrument
from telegraf_inputs import duration
from telegraf_inputs.stanza import Stanza

from .provision import AlertQuery, Last, LatchedThreshold

Panels = Callable[[str], tuple[str, int]]  # what a panel is about -> (dashboard's uid, panel's id)
ON_ITS_WAY = 60  # seconds that Grafana looks further back than a question does: clocks differ a little


def folder(site: Site) -> str:
    """Name the folder of the rules; another than the dashboards', which Grafana provisions at the same time."""
    return f"{site.name} alarms"


def labels(site: Site, severity: str, kind: str, **more: str) -> dict[str, str]:
    """Label a rule: by these, people and policies choose among alarms."""
    return {"site": site.name, "severity": severity, "kind": kind, **more}


def on(instrument: SiteInstrument, site: Site) -> str:
    """Name the node beside its instrument, where there are several."""
    return f" ({instrument.node})" if len(site.nodes) > 1 else ""


def read_by(instrument: SiteInstrument, site: Site) -> str:
    """Tell which node reads an instrument, where there are several."""
    return f" It is read by {instrument.node}." if len(site.nodes) > 1 else ""


def no_good_reading(stanza: Stanza) -> str:
    """Say what to do about a channel without good readings."""
    return (
        "See its status: labline status, or the channels on the dashboard of instruments' health; "
        f"docs/drivers/{stanza.driver.name} says what each means. "
        "Without one, the instrument does not measure this channel: is it switched on there?"
    )


def latched(question: str, seconds: int, value: str = "") -> dict[str, Any]:
    """Give a rule's data and states for a question of latches.py; ``value``, what its words show, is ``$values.B.Value``.

    Nothing waits in Grafana: what waits there begins, or ends, while the database is away.
    """
    shown = [AlertQuery(ref="D", query=value, seconds=seconds + ON_ITS_WAY), Last(ref="B", of="D")] if value else []
    return {
        "data": [
            AlertQuery(ref="A", query=question, seconds=seconds + ON_ITS_WAY),
            *shown,
            Last(ref="E", of="A"),
            LatchedThreshold(ref="C", of="E", side="above", value=0.5, back=0.5),
        ],
        "for_": "0s",
        "no_data": "KeepLast",
        "on_error": "KeepLast",
    }


def waiting(seconds: float, alarms: Alarms) -> dict[str, Any]:
    """Give the wait (s) of a rule of which only several answers, one after the other, can tell whether it is so.

    With KeepLast it would begin in an outage of the database. So a look without an answer says that all is well: what waits
    begins anew, and what has begun ends when it was kept for its time, and begins again after the outage.
    """
    return {"for_": duration.exact(rounded(seconds, alarms)), "on_error": "OK" if seconds else "KeepLast"}


def over_unasked(seconds: float) -> str:
    """Say of a rule that waits, and is kept for so long (s), what its end may be besides."""
    return f"or the database did not answer for {duration.words(seconds)}: then it begins again"


def compared(query: str, seconds: int, side: str, border: float) -> dict[str, Any]:
    """Give a rule's data for a query whose last value is beyond a border or is not."""
    return {
        "data": [
            AlertQuery(ref="A", query=query, seconds=seconds),
            Last(ref="B", of="A"),
            LatchedThreshold(ref="C", of="B", side=side, value=border, back=border),
        ],
    }
