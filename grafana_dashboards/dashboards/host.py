"""The machine that reads the instruments: does it have the time, the memory, the room and the network for it."""

from __future__ import annotations

from typing import Any

from grafanalib import core as g

from provisioning.host_metrics import CERTIFICATE
from provisioning.site import Site
from provisioning.telegraf_config import CERTIFICATE_INTERVAL, HOST_INTERVAL
from telegraf_inputs import duration

from .. import influxql, panels, style, variables
from ..layout import Page
from ..signals import check_stored
from . import _frame

CHOSEN = influxql.chosen("host")
FRESH = duration.exact(6 * HOST_INTERVAL)  # for so long the newest value stands for the value now
FILLED = [(80.0, style.WARNING), (style.DISK_FULL, style.CRITICAL)]
BUSY_STEPS = [(None, style.GOOD), (85.0, style.WARNING), (95.0, style.CRITICAL)]


# (title, queries with names, unit, what it means, more of the panel)
Course = tuple[str, list[tuple[str, str]], str, str, dict[str, Any]]


def build(site: Site) -> g.Dashboard:
    """Make the dashboard of a site."""
    page = Page()
    for title, name, query, unit, steps, text in _now():
        page.add(
            panels.Stat(
                title=title,
                description=text,
                targets=panels.targets((query, name)),
                unit=unit,
                decimals=1 if unit == "percent" else None,
                steps=steps,
                named=True,
                interval=FRESH,
            ),
            6,
            style.STAT_HEIGHT,
        )
    for title, what, unit, text, more in [*_courses(), *(_proxy() if site.influxdb.write else [])]:
        page.add(
            panels.TimeSeries(
                title=title,
                description=text,
                targets=panels.targets(*what),
                unit=unit,
                **{"gap": 6.0 * HOST_INTERVAL, "interval": f"{HOST_INTERVAL}s", **more},
            ),
            12,
            style.PLOT_HEIGHT,
        )
    choices = [
        variables.choice("host", "Host", {node.name: node.name for node in site.nodes}, "Which machines are shown")
    ]
    description = "The machine that reads the instruments, as Telegraf sees it."
    return _frame.dashboard(site, _frame.HOST, _frame.TITLES[_frame.HOST], description, page, choices)


def _field(measurement: str, field: str, function: str = "mean", by: tuple[str, ...] = ()) -> str:
    """Ask for the course of a field that Telegraf stores; where no tag parts the series, hosts do."""
    return influxql.series(_what(measurement, field, function), measurement, CHOSEN, ("host", *by), fill="null")


def _value(measurement: str, field: str, function: str) -> str:
    """Ask for what a field that Telegraf stores is now, and was."""
    return influxql.current(_what(measurement, field, function), measurement, CHOSEN, ("host",))


def _what(measurement: str, field: str, function: str) -> str:
    check_stored(measurement, field)
    return influxql.highest(field) if function == "max" else influxql.call(function, field)


def _now() -> list[tuple[str, str, str, str, Any, str]]:
    check_stored("cpu", "usage_idle")
    idle = f'100 - {influxql.call("mean", "usage_idle")} AS "busy"'
    return [
        (
            "Processor",
            "in use",
            influxql.current(idle, "cpu", CHOSEN, ("host",)),
            "percent",
            BUSY_STEPS,
            "Processor time in use. Long above 95 %: cycles come late.",
        ),
        (
            "Memory",
            "in use",
            _value("mem", "used_percent", "mean"),
            "percent",
            BUSY_STEPS,
            "Memory in use. Full: the kernel ends programs.",
        ),
        (
            "Fullest disk",
            "in use",
            _value("disk", "used_percent", "max"),
            "percent",
            [(None, style.GOOD), *FILLED],
            "How full the fullest disk is. InfluxDB stops when it is full: shorten the retention, or give it a larger disk.",
        ),
        (
            "Machine",
            "up for",
            _value("system", "uptime", "last"),
            "dtdurations",
            [(None, style.IDLE)],
            "Time since the machine started.",
        ),
    ]


def _courses() -> list[Course]:
    used = {"least": 0, "most": 100}
    total, free = (_what("mem", f"swap_{what}", "mean") for what in ("total", "free"))
    swap = influxql.series(f'{total} - {free} AS "used"', "mem", CHOSEN, ("host",), fill="null")
    cpu = [(_field("cpu", f"usage_{kind}"), f"{kind} %") for kind in ("user", "system", "iowait")]
    check_stored("net", "bytes_recv", "bytes_sent", "err_in", "err_out")
    net = [
        (
            influxql.rate(f"bytes_{way}", "net", CHOSEN, ("host", "interface")),
            f"$tag_interface {word}",
        )
        for way, word in (("recv", "received"), ("sent", "sent"))
    ]
    wrong = [
        (
            influxql.increase(f"err_{way}", "net", CHOSEN, ("host", "interface")),
            f"$tag_interface {way}",
        )
        for way in ("in", "out")
    ]
    return [
        # One plot, for not every machine has a sensor: a plot that is empty for ever looks broken.
        (
            "Processor (%) and temperature (°C)",
            [*cpu, (_field("temp", "temp", "max", ("sensor",)), "$tag_sensor °C")],
            "none",
            "Where processor time goes, in percent: programs, the kernel, waiting for disks. And temperatures, where the machine measures them: "
            "above 80 °C a Raspberry Pi slows down.",
            used,
        ),
        (
            "Load",
            [(_field("system", "load1"), "$tag_host 1 min"), (_field("system", "load5"), "$tag_host 5 min")],
            "short",
            "How many programs want to run at once. Long above the number of processors: too much for this machine.",
            {"least": 0},
        ),
        (
            "Memory",
            [(_field("mem", "used_percent"), "$tag_host used")],
            "percent",
            "Memory in use.",
            {**used, "filled": 10},
        ),
        (
            "Swap",
            [(swap, "$tag_host used")],
            "bytes",
            "Swap space in use, where there is any. Much of it: too little memory, and programs wait for the disk.",
            {"least": 0, "soft_most": 1e9},
        ),
        (
            "Disks",
            [(_field("disk", "used_percent", "max", ("path",)), "$tag_path")],
            "percent",
            "How full each disk is.",
            {**used, "about": "disks", "limits": True, "steps": [(None, style.CLEAR), *FILLED]},
        ),
        (
            "Free space",
            [(_field("disk", "free", "mean", ("path",)), "$tag_path")],
            "bytes",
            "Room that is left on each disk.",
            {"least": 0},
        ),
        ("Network", net, "Bps", "Traffic of each interface.", {"least": 0}),
        (
            "Network errors",
            wrong,
            "none",
            "Damaged or lost packets in each interval. More than a few: cable, switch, or weak WiFi.",
            {"least": 0, "bars": True, "soft_most": 5, "decimals": 0},
        ),
    ]


def _proxy() -> list[Course]:
    return [
        (
            "Certificate of the proxy",
            [(_field(CERTIFICATE, "expiry", "min", ("type",)), "$tag_host $tag_type")],
            "s",
            "How long it is good yet, as each node sees it. The server renews it long before; when it is over, nothing is taken from nodes.",
            {"about": CERTIFICATE, "interval": f"{CERTIFICATE_INTERVAL}s", "gap": 6.0 * CERTIFICATE_INTERVAL},
        ),
    ]
