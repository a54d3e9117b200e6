"""What a person sees of a dashboard: limits before they are passed, no value of a dead sensor, all that is red, a page with an end."""

from __future__ import annotations

import json

import pytest

from grafana_dashboards import emit, style
from grafana_dashboards.check import panels_of

GAUGE = """\
  - name: gauge{n}
    label: Gauge {n}
    driver: scpi
    connection: "sim:"
    channels:
      a: {{label: Value, read: {{v: {{query: "V?", unit: V, low: -1000, high: 1000}}}}{limits}}}
"""
SCREENS = 60  # rows of the grid that are open at first: two screens and a half


def dashboards(site, text):
    files = emit.render(site(text))
    return {
        name.removeprefix("dashboards/").removesuffix(".json"): json.loads(content)
        for name, content in files.items()
        if name.startswith("dashboards/") and name.endswith(".json")
    }


@pytest.mark.parametrize(
    ("limits", "least", "most"),
    [
        ("warning: {above: 10 V}, critical: {above: 20 V}", None, 10.5),
        ("warning: {below: -4 V}, critical: {below: -8 V}", -4.2, None),
        ("warning: {above: 10 V, below: -10 V}, critical: {below: -20 V}", -11.0, 11.0),
        ("critical: {above: 0 V}", None, 0.05),
    ],
)
def test_an_axis_reaches_the_nearest_limits(site, limits, least, most):
    made = dashboards(site, GAUGE.format(n=1, limits=f", limits: {{v: {{{limits}}}}}"))
    (plot,) = [p for p in panels_of(made["scpi"]) if p["title"] == "Value v"]
    custom = plot["fieldConfig"]["defaults"]["custom"]
    assert (custom.get("axisSoftMin"), custom.get("axisSoftMax")) == pytest.approx((least, most))
    assert custom["thresholdsStyle"] == {"mode": "dashed+area"}


def test_a_logarithmic_axis_reaches_them_too(demo):
    made = json.loads(emit.render(demo)["dashboards/pfeiffer_tpg.json"])
    (plot,) = [p for p in panels_of(made) if p["title"].startswith("Main chamber") and p["type"] == "timeseries"]
    custom = plot["fieldConfig"]["defaults"]["custom"]
    assert custom["scaleDistribution"]["type"] == "log" and custom["axisSoftMax"] == pytest.approx(1.5e-5)


def test_no_legend_tells_a_value_that_may_be_a_dead_sensors(demo):
    for name, text in emit.render(demo).items():
        if not name.startswith("dashboards/") or not name.endswith(".json"):
            continue
        for panel in panels_of(json.loads(text)):
            assert not panel["options"].get("legend", {}).get("calcs") if "options" in panel else True, panel["title"]


@pytest.mark.parametrize("limits", ["", ", limits: {v: {warning: {above: 10 V}}}"])
def test_sixty_instruments_make_pages_with_an_end_that_follow_the_chosen_one(site, limits):
    made = dashboards(site, "".join(GAUGE.format(n=n, limits=limits) for n in range(60)))
    for name, dashboard in made.items():
        lowest = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in dashboard["panels"])
        assert lowest <= (2 if name == "health" else 1) * SCREENS + style.OPEN_STATS, name
    page = made["scpi"]
    (variable,) = [v for v in page["templating"]["list"] if v["name"] == "instrument"]
    assert variable["current"]["value"] == ["gauge0"]
    for panel in page["panels"]:
        for target in panel.get("targets", []):
            assert "=~ /^$instrument$/" in target["query"], f"{panel['title']} ignores the chosen instrument"
    lowest = max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in page["panels"])
    assert lowest <= SCREENS
    closed = [p for row in page["panels"] for p in row.get("panels", [])]
    assert len(closed) == (60 if limits else 0), "what alarms lead to"


def test_what_is_red_is_on_the_first_page_of_a_timeline(site):
    made = dashboards(site, "".join(GAUGE.format(n=n, limits="") for n in range(60)))
    for dashboard in made.values():
        for panel in panels_of(dashboard):
            if panel["type"] == "state-timeline":
                assert panel["options"]["perPage"] >= 60
    (timeline, *_) = (p for p in made["overview"]["panels"] if p["type"] == "state-timeline")
    assert timeline["gridPos"]["h"] * 30 >= 60 * 12, "a line can still be read"


def test_many_instruments_share_rows_of_the_overview(site):
    made = dashboards(site, "".join(GAUGE.format(n=n, limits="") for n in range(60)))["overview"]
    rows = [p for p in made["panels"] if p["type"] == "row"]
    assert [len(rows), rows[0]["title"].endswith("(1 to 24 of 60)")] == [3, True]
    assert [p["title"] for p in panels_of(made) if p["type"] == "stat"] == [f"Gauge {n}" for n in range(60)]


def test_each_channel_of_the_chosen_instruments_has_a_plot(site):
    more = "      b: {label: Other, read: {v: {query: W?, unit: V, low: 0, high: 9}}}\n"
    made = dashboards(site, "".join(GAUGE.format(n=n, limits="") + more for n in range(8)))["scpi"]
    plots = {p["title"]: p["targets"][0]["query"] for p in made["panels"] if p["title"] in ("Value v", "Other v")}
    for title, channel in (("Value v", "a"), ("Other v", "b")):
        assert "=~ /^$instrument$/" in plots[title] and f"\"channel\" = '{channel}'" in plots[title]


def test_a_code_is_drawn_as_its_word(demo):
    """In no plot of numbers, and everywhere with its words."""
    codes = {q.name for i in demo.instruments for c in i.stanza.channels for q in c.quantities.values() if q.choices}
    assert codes
    drawn = set()
    for name, text in emit.render(demo).items():
        for panel in panels_of(json.loads(text)) if name.startswith("dashboards/") and name.endswith(".json") else ():
            for code in codes:
                if any(f'("{code}")' in target["query"] for target in panel.get("targets", [])):
                    drawn.add(code)
                    assert panel["type"] in ("state-timeline", "stat"), panel["title"]
                    assert any(each["type"] == "value" for each in panel["fieldConfig"]["defaults"]["mappings"])
    assert drawn == codes
