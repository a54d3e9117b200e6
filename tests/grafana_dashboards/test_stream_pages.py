"""Streams with dashboards of their own: what their tags tell apart is shown apart, and chosen by them."""

from __future__ import annotations

import json
import re

import pytest

from grafana_dashboards import check, emit
from grafana_dashboards.check import panels_of
from provisioning import site as sites
from provisioning.influxql import identifier

from .test_pages import dashboards

PAGES = {"scipion_summary": "Summary", "scipion_ctf": "CTF", "scipion_gain": "Gain", "scipion_gallery": "Gallery"}
SCIPION = """\
  - name: {name}
    driver: scipion
    connection: file:///data
    pictures: file:///srv/pictures
    {more}
"""
MACHINE = """\
  - name: machine{n}
    driver: telegraf
    input: {{system: {{name_override: load{n}}}}}
    channels:
      a:
        label: Load {n}
        measurement: load{n}
        tags: {{}}
        {page}
        read:
          one: {{field: load1, unit: "%", description: Load}}
          state: {{field: words, unit: "", type: str, description: How it is}}
"""


@pytest.fixture(scope="module")
def cryoem():
    return sites.load(sites.SITES / "cryoem.yml")


@pytest.fixture(scope="module")
def pages(cryoem):
    files = emit.render(cryoem)
    return {name: json.loads(files[f"dashboards/{name}.json"]) for name in (*PAGES, "scipion", "telegraf", "overview")}


def queries(dashboard):
    return [target["query"] for panel in panels_of(dashboard) for target in panel.get("targets", [])]


def variables(dashboard):
    return {v["name"]: v for v in dashboard["templating"]["list"] if not v["hide"]}


def test_each_page_has_a_choice_of_projects_that_all_that_it_asks_goes_by(pages):
    for name, title in PAGES.items():
        assert pages[name]["title"] == title
        assert variables(pages[name])["project"]["skipUrlSync"] is False, "it stands in the address"
        assert all('"project" =~ /^$project$/' in query for query in queries(pages[name]))


def test_every_quantity_is_shown_on_its_streams_page_and_projects_are_drawn_apart(pages, cryoem):
    for channel in cryoem.instruments[0].stanza.channels:
        (name,) = [name for name, title in PAGES.items() if title == channel.stream.page]
        asked = [query for query in queries(pages[name]) if f'"{channel.measurement}"' in query]
        for quantity in channel.quantities:
            assert any(identifier(quantity) in query for query in asked), quantity
        courses = [query for query in asked if "GROUP BY time" in query]
        assert all('"project"' in query.partition("GROUP BY")[2] for query in courses)
        assert channel.stream.kind == "sample" or courses or name == "scipion_gallery"


def test_a_value_of_the_overview_leads_to_its_page(pages):
    linked = {
        re.match(r"/d/([^?]+)\?.*var-instrument=(\w+)", link["url"]).groups()
        for panel in panels_of(pages["overview"])
        if panel["type"] == "stat"
        for link in panel["fieldConfig"]["defaults"].get("links", [])
    }
    for name in PAGES:
        assert {(pages[name]["uid"], "krios_scipion"), (pages[name]["uid"], "glacios_scipion")} <= linked


def test_limits_are_drawn_where_they_are_the_same_for_all(pages):
    (plot,) = [panel for panel in panels_of(pages["scipion_gain"]) if panel["title"] == "Stddev"]
    assert plot["fieldConfig"]["defaults"]["thresholds"]["steps"][-1] == {"value": 0.04, "color": "orange"}


def test_a_gallery_has_a_panel_for_each_picture_of_each_address(site):
    text = "".join(
        SCIPION.format(name=name, more=f"pictures_url: {address}" if address else "")
        for name, address in (("a", "/pictures/"), ("b", "https://other/p"), ("c", "/pictures"), ("d", ""))
    )
    gallery = dashboards(site, text)["scipion_gallery"]
    shown = {panel["repeat"]: panel["options"]["content"] for panel in panels_of(gallery) if panel["type"] == "text"}
    assert '<img src="/pictures/${picture}"' in shown["picture"] and "https://other/p/${pictureb}" in shown["pictureb"]
    asked = variables(gallery)["picture"]["query"]
    assert "\"instrument\" = 'a'" in asked and "\"instrument\" = 'c'" in asked and "'b'" not in asked
    assert '"project" =~ /^$project$/' in asked and "ORDER BY time DESC" in asked


def test_without_an_address_pictures_are_listed(site):
    gallery = dashboards(site, SCIPION.format(name="a", more=""))["scipion_gallery"]
    assert {panel["type"] for panel in panels_of(gallery)} == {"table"}


CAMERA = """\
  - name: {name}
    label: {label}
    driver: camera
    connection: http://192.168.1.60/{name}.jpg
    {more}
    channels: {{picture: {{folder: /srv/{name}}}}}
"""


def test_cameras_show_their_newest_pictures_on_the_page_of_all(site):
    one = CAMERA.format(name="door", label="Door", more="pictures_url: /door")
    other = CAMERA.format(name="roof", label="Roof", more="pictures_url: https://roof.lab/p/")
    page = dashboards(site, one + other + CAMERA.format(name="well", label="Well", more=""))["camera"]
    shown = {panel["repeat"]: panel["options"]["content"] for panel in panels_of(page) if panel["type"] == "text"}
    assert '<img src="/door/${picture}"' in shown["picture"] and "https://roof.lab/p/${pictureb}" in shown["pictureb"]
    chosen = variables(page)["pictureb"]
    assert "\"instrument\" = 'roof'" in chosen["query"] and chosen["label"] == "Roof: Picture"
    assert not [query for query in queries(page) if "path" in query], "a path is no state"
    assert page["panels"][[panel["type"] for panel in page["panels"]].index("row")]["title"] == "The newest pictures"


def test_instruments_that_measure_other_things_are_not_shown_one_at_a_time(site):
    """Of many that are alike one is chosen at first; of others, its plots would stand empty."""
    made = dashboards(site, "".join(MACHINE.format(n=n, page="") for n in range(7)))["telegraf"]
    assert variables(made)["instrument"]["current"]["value"] == ["$__all"]
    assert {"Load 0 one", "Load 6 one"} <= {panel["title"] for panel in panels_of(made)}


def test_a_page_that_the_site_declares_shows_what_its_channels_measure(cryoem, site):
    system = json.loads(emit.render(cryoem)["dashboards/telegraf_system.json"])
    shown = {panel["title"]: panel for panel in panels_of(system)}
    assert system["title"] == "System"
    assert {*shown} == {"Processor used", "Memory used", "Swap used", "Card temperature", "Card load", "Card memory"}
    named = {t["options"]["renamePattern"] for t in shown["Card temperature"]["transformations"]}
    assert "Graphics cards of the Krios' machine: First card" in named
    of_page = {"Processor of the Krios' machine", "Processor of the Glacios' machine"}
    assert {t["options"]["renamePattern"] for t in shown["Processor used"]["transformations"]} == of_page
    words = dashboards(site, MACHINE.format(n=1, page="page: Words"))["telegraf_words"]
    assert any('"state"' in query for query in queries(words)), "what is no number is shown, too"


@pytest.mark.parametrize("title", ["Host", "Any input of Telegraf", "Instrument health"])
def test_a_page_called_as_another_dashboard_has_a_title_of_its_own(site, title):
    made = dashboards(site, MACHINE.format(n=1, page=f"page: {title}"))
    titles = [dashboard["title"] for dashboard in made.values()]
    assert f"{title}: Any input of Telegraf" in titles and len(titles) == len({*titles})


def test_channels_that_are_found_have_a_page_too(site):
    text = (
        MACHINE.format(n=1, page="page: Cards").replace("a:", '"*":').replace("tags: {}", 'tags: {index: "{channel}"}')
    )
    made = dashboards(site, text)
    assert any(
        'GROUP BY time($__interval), "instrument", "channel"' in query for query in queries(made["telegraf_cards"])
    )


def test_a_picture_that_repeats_sideways_is_known_and_another_way_is_not(pages):
    gallery = json.loads(json.dumps(pages["scipion_gallery"]))
    assert not check.faults({"dashboards/scipion_gallery.json": gallery})
    next(panel for panel in gallery["panels"] if panel["type"] == "text")["repeatDirection"] = "v"
    assert check.faults({"dashboards/scipion_gallery.json": gallery})
