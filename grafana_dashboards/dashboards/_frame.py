"""What every dashboard has: links to the others that carry the time range, the shared crosshair, the level of downsampling."""

from __future__ import annotations

import re
from typing import Any

from grafanalib import core as g

from provisioning.site import Site

from .. import style, variables
from ..layout import Page
from ..signals import Signal
from ..uids import uid

OVERVIEW, HEALTH, HOST = "overview", "health", "host"
TITLES = {OVERVIEW: "Overview", HEALTH: "Instrument health", HOST: "Host"}
DRIVERS = f"{style.TAG}-instruments"  # the tag of the dashboards of drivers


def dashboard(
    site: Site, name: str, title: str, description: str, page: Page, chosen: list[Any], *, tags: tuple[str, ...] = ()
) -> g.Dashboard:
    """Make a dashboard of a page; ``chosen`` are its variables beside the hidden ones."""
    made = g.Dashboard(
        title=title,
        uid=uid(site.name, name),
        description=description,
        tags=[style.TAG, *tags],
        panels=page.panels,
        templating=g.Templating([*variables.levels(), *chosen]),
        links=_links(site, name),
        time=g.Time(style.SINCE, "now"),
        timezone=site.zone,
        refresh=style.REFRESH,
        graphTooltip=style.SHARED_TOOLTIP,
        schemaVersion=style.SCHEMA_VERSION,
        editable=True,
    )
    return made.auto_panel_ids()


def _links(site: Site, own: str) -> list[g.DashboardLink]:
    others = [
        g.DashboardLink(
            type="link",
            title=title,
            uri=f"/d/{uid(site.name, name)}",
            icon="dashboard",
            keepTime=True,
            tooltip=f"{title}, same time range",
        )
        for name, title in TITLES.items()
        if name != own
    ]
    return [
        *others,
        g.DashboardLink(type="dashboards", title="Instruments", tags=[DRIVERS], asDropdown=True, keepTime=True),
    ]


def page_of(signal: Signal) -> str:
    """Name the dashboard that shows a signal: its stream's own, or its driver's."""
    driver, title = str(signal.instrument.stanza.driver.name), signal.channel.stream.page
    return f"{driver}_{re.sub('[^a-z0-9]+', '_', title.lower())}" if title else driver


def url(site: Site, name: str, **chosen: str) -> str:
    """Write a link to another dashboard, with the time range shown and with values of its variables."""
    values = "".join(f"&var-{variable}={value}" for variable, value in chosen.items())
    return f"/d/{uid(site.name, name)}?${{__url_time_range}}{values}"


def link(site: Site, name: str, title: str, **chosen: str) -> dict[str, Any]:
    """Make a link for a panel's values."""
    return {"title": title, "url": url(site, name, **chosen), "targetBlank": False}
