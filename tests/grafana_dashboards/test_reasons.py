"""The numbers of the dashboards, each held to what it is for."""

from __future__ import annotations

import json

import pytest

from grafana_dashboards import emit, style
from grafana_dashboards.check import panels_of
from grafana_dashboards.dashboards import _instruments, health
from provisioning import site_file
from provisioning.telegraf_config import HOST_INTERVAL
from telegraf_inputs import drivers
from telegraf_inputs.declare import Quantity


def timelines(site, *intervals: str) -> list[str]:
    """List the titles of the panels that show the states of instruments of these intervals."""
    text = "".join(
        f'  - {{name: n{i}, driver: ds18b20, connection: "sim:", interval: {interval}, channels: {{a: {{id: 28-0316a2795f1c}}}}}}\n'
        for i, interval in enumerate(intervals)
    )
    loaded = site(text)
    return [panel.title for panel, _ in _instruments.timelines(loaded, loaded.instruments)]


def test_the_instruments_of_a_usual_lab_share_a_panel(site):
    """A gauge each second, a cryostat each ten, a thermometer each two minutes: one look must do."""
    assert timelines(site, "1s", "10s", "30s", "2min") == ["State of instruments"]


def test_a_panels_one_gap_hides_no_more_than_ten_minutes_of_a_fast_instrument(site):
    """A line spans what is shorter than the panel's gap, which is that of its slowest instrument: there, an outage is not seen."""
    fast, slow = 1.0, 0.0
    for seconds in range(30, 3600, 30):
        if len(timelines(site, f"{fast:g}s", f"{seconds}s")) == 1:
            slow = seconds
    loaded = site(
        f'  - {{name: slow, driver: ds18b20, connection: "sim:", interval: {slow:g}s, channels: {{a: {{id: 28-0316a2795f1c}}}}}}\n'
    )
    assert _instruments.gap(loaded.instruments) <= 600


@pytest.mark.parametrize(
    ("unit", "high", "decimals", "logarithmic"),
    [
        ("K", 1000.0, 4, True),  # a cryostat: 12 mK and 300 K in one plot
        ("Ω", 7e7, 2, True),  # its sensors
        ("K", 400.0, 2, False),  # an oven: a curve that is stretched below hides what matters
        ("Ω", 1000.0, 1, False),
        ("°C", 1000.0, 4, False),  # has values below 0
    ],
)
def test_an_axis_is_logarithmic_where_one_curve_would_lie_flat_on_the_other(unit, high, decimals, logarithmic):
    assert style.spans_decades(Quantity("q", unit, "", 0.0, high, decimals=decimals)) is logarithmic


def test_the_ranges_of_vacuum_gauges_are_logarithmic_and_no_others_of_a_driver_in_bar():
    for name in drivers.names():
        for quantity in (quantity for stream in drivers.load(name).streams for quantity in stream.quantities):
            assert style.vacuum(quantity) == (name == "pfeiffer_tpg"), (name, quantity.name)


def test_a_full_disk_is_told_while_there_is_time_and_not_every_day():
    """InfluxDB needs room to compact: some percent of its data. A disk that is used well is no alarm."""
    assert 80.0 < style.DISK_FULL <= 95.0


def test_a_crowd_keeps_short_names():
    """Grafana renames a series by one pattern each: the square of their number is compared with each refresh."""
    assert style.MANY_SERIES < style.MANY_NAMES <= 100


def test_the_health_of_what_was_silent_over_a_holiday_is_still_shown():
    """As far back as every reading is kept, where nobody says otherwise."""
    assert site_file.Retention().raw == health.LOOK_BACK


def test_the_machine_is_looked_at_as_often_as_dashboards_are_drawn_anew(demo):
    assert f"{HOST_INTERVAL}s" == style.REFRESH
    host = json.loads(emit.render(demo)["dashboards/host.json"])
    assert {p["interval"] for p in panels_of(host) if p["type"] == "timeseries"} == {f"${{step}}{HOST_INTERVAL}s"}
